-- Notes when API keys were used last, and returns that of all.
-- ARGV: now, the time until which is forgotten, then key and time in turn. Returns: {key, time, ...}.
local key = shard .. ":used"
for n = 3, #ARGV, 2 do
    redis.call("ZADD", key, "GT", ARGV[n + 1], ARGV[n])
end
redis.call("ZREMRANGEBYSCORE", key, "-inf", ARGV[2])
if #ARGV > 2 then live(key, (now - tonumber(ARGV[2])) * 1000) end
return redis.call("ZRANGE", key, 0, -1, "WITHSCORES")
