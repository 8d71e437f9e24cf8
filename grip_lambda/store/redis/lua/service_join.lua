-- Enters a host into a service.
-- ARGV: now, name, id, connection, calls in flight, number of the message, max_calls or -1, 1 if
-- private, owner.
local name, id = ARGV[2], ARGV[3]
local known = host_in(name, id)
if known and known[1] == ARGV[4] and known[2] > tonumber(ARGV[6]) then return 0 end
local turn = tonumber(redis.call("GET", turn_key(name)) or 0)
enter(name, id, {ARGV[4], tonumber(ARGV[6]), tonumber(ARGV[5]), tonumber(ARGV[7]),
    tonumber(ARGV[8]), ARGV[9], turn})
return 1
