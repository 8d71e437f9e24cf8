-- Enters a lambda, and closes what was open under its id.
-- ARGV: now, id, connection, expires, opened, the generation that may be taken over (or empty),
-- status, body, extra, whom it counts for, fields ...
-- Returns: nil, an error FORBIDDEN, or what close_lambda does.
local id, connection, expires = ARGV[2], ARGV[3], tonumber(ARGV[4])
local known = redis.call("HMGET", lambda_key(id), "connection", "expires", "generation", "told")
local closed = false
if known[1] and known[1] ~= connection then
    if ARGV[6] ~= known[3] and tonumber(known[2]) > now then
        return redis.error_reply("FORBIDDEN the lambda is open")
    end
    closed = close_lambda(id, ARGV[7], ARGV[8], ARGV[9])
end
redis.call("DEL", lambda_key(id))
redis.call("HSET", lambda_key(id), unpack(ARGV, 11))
if known[4] and not closed then redis.call("HSET", lambda_key(id), "told", known[4]) end
live(lambda_key(id), (expires - now) * 1000 + MARGIN)
redis.call("DEL", past_key(id))
count_for(id, ARGV[10])
redis.call("ZADD", OPEN, ARGV[5], id)
redis.call("ZADD", DUE, ARGV[4], "lambda " .. id)
outlive(OPEN, INDEX)
outlive(DUE, INDEX)
return closed
