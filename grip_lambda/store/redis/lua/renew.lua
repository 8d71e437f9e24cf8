-- Notes that a host was seen.
-- ARGV: now, id, connection, expires. Returns: what services are told, or nil where another connection
-- holds the lambda.
local id = ARGV[2]
if redis.call("HGET", lambda_key(id), "connection") ~= ARGV[3] then return false end
redis.call("HSET", lambda_key(id), "expires", ARGV[4])
live(lambda_key(id), (tonumber(ARGV[4]) - now) * 1000 + MARGIN)
redis.call("ZADD", DUE, ARGV[4], "lambda " .. id)
outlive(OPEN, INDEX / 2)
outlive(DUE, INDEX / 2)
tell_services(id)
return told
