-- Notes that a hold has gone.
-- ARGV: now, id, log, hold, when its lambda expires (or empty). Returns: 1 if it was the reader.
local id, log = ARGV[2], ARGV[3]
local known = redis.call("HMGET", log_key(id, log), "hold", "away_since")
if known[1] ~= ARGV[4] or known[2] then return 0 end
redis.call("HSET", log_key(id, log), "away_since", ARGV[1])
local host = redis.call("HMGET", lambda_key(id), "connection", "expires")
if ARGV[5] ~= "" and host[1] == log and tonumber(host[2]) > tonumber(ARGV[5]) then
    redis.call("HSET", lambda_key(id), "expires", ARGV[5])
    redis.call("ZADD", DUE, ARGV[5], "lambda " .. id)
end
return 1
