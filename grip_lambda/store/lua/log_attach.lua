-- Reads a log with a new hold.
-- ARGV: now, id, log, by, node, kind, after, for how many seconds the log lives, 1 to trim.
-- Returns: what log_tail does, and {hold, node, kind, seen} of the hold before unless it is away.
-- Sent again with the same "by" it makes no second hold.
local id, log = ARGV[2], ARGV[3]
local key = log_key(id, log)
local earlier = {}
if redis.call("HGET", key, "held_by") ~= ARGV[4] then
    local known = redis.call("HMGET", key, "hold", "node", "kind", "seen", "away_since")
    if known[1] and not known[5] then
        earlier = {tonumber(known[1]), known[2], known[3], tonumber(known[4])}
    end
    redis.call("HINCRBY", key, "hold", 1)
    redis.call("HSET", key, "held_by", ARGV[4], "node", ARGV[5], "kind", ARGV[6],
        "seen", redis.call("HGET", key, "last") or 0)
    redis.call("HDEL", key, "away_since")
end
if ARGV[9] == "1" then
    remove_entries(id, log, function(entry) return entry.seq <= tonumber(ARGV[7]) end, ARGV[7])
end
outlive(key, tonumber(ARGV[8]) * 1000)
outlive(entries_key(id, log), tonumber(ARGV[8]) * 1000)
return {log_tail(id, log, ARGV[7]), earlier}
