-- Reads a log with a new hold.
-- ARGV: now, id, log, by, node, kind, until, after, for how many seconds the log lives, 1 to trim.
-- Returns: what log_tail does, and the reader before unless it is away. Sent again with the same "by" it makes no second hold.
local id, log = ARGV[2], ARGV[3]
local key = log_key(id, log)
local earlier = {}
if redis.call("HGET", key, "held_by") ~= ARGV[4] then
    if redis.call("HEXISTS", key, "away_since") == 0 then
        earlier = reader_of(redis.call("HMGET", key, unpack(READER)), 1)
    end
    redis.call("HINCRBY", key, "hold", 1)
    redis.call("HSET", key, "held_by", ARGV[4], "node", ARGV[5], "kind", ARGV[6], "until", ARGV[7],
        "seen", redis.call("HGET", key, "last") or 0)
    redis.call("HDEL", key, "away_since")
end
if ARGV[10] == "1" then
    remove_entries(id, log, function(entry) return entry.seq <= tonumber(ARGV[8]) end, ARGV[8])
end
outlive(key, tonumber(ARGV[9]) * 1000)
outlive(entries_key(id, log), tonumber(ARGV[9]) * 1000)
return {log_tail(id, log, ARGV[8]), earlier}
