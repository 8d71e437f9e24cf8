-- Keeps what a call was asked with or answered, and drops the oldest that are too many.
-- ARGV: now, name, how many are kept, for how many seconds, then fields and values in turn.
local names = shard .. ":bodies"
local function key_of(name) return shard .. ":body:" .. name end
redis.call("HSET", key_of(ARGV[2]), unpack(ARGV, 5))
live(key_of(ARGV[2]), tonumber(ARGV[4]) * 1000)
redis.call("ZADD", names, "NX", now, ARGV[2])
redis.call("ZREMRANGEBYSCORE", names, "-inf", now - tonumber(ARGV[4]))
local many = redis.call("ZCARD", names) - tonumber(ARGV[3])
if many > 0 then
    for _, name in ipairs(redis.call("ZRANGE", names, 0, many - 1)) do
        redis.call("DEL", key_of(name))
    end
    redis.call("ZREMRANGEBYRANK", names, 0, many - 1)
end
live(names, tonumber(ARGV[4]) * 1000)
return 0
