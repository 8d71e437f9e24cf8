-- Removes all who wait for a call.
-- ARGV: now, id, token of the call. Returns: {token, facts, ...}
local id, token = ARGV[2], ARGV[3]
local waits = redis.call("HGETALL", waits_key(id, token))
for n = 1, #waits, 2 do
    redis.call("ZREM", DUE, "wait " .. id .. ":" .. token .. ":" .. waits[n])
end
redis.call("DEL", waits_key(id, token))
return waits
