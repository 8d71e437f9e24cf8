-- Notes how many calls a host has in flight.
-- ARGV: now, name, id, connection, calls in flight, number of the message.
local name, id = ARGV[2], ARGV[3]
local host = host_in(name, id)
if not host or host[1] ~= ARGV[4] or host[2] >= tonumber(ARGV[6]) then return 0 end
host[2], host[3] = tonumber(ARGV[6]), tonumber(ARGV[5])
enter(name, id, host)
return 1
