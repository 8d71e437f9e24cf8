-- Gives a large message its turn on a host's WebSocket, after those of others.
-- ARGV: now, id, connection, for how many seconds. Returns: when it begins, or nil where another
-- connection holds the lambda.
local id = ARGV[2]
local known = redis.call("HMGET", lambda_key(id), "connection", "busy_until")
if known[1] ~= ARGV[3] then return false end
local start = math.max(now, tonumber(known[2] or 0))
redis.call("HSET", lambda_key(id), "busy_until", string.format("%.6f", start + ARGV[4]))
return string.format("%.6f", start)
