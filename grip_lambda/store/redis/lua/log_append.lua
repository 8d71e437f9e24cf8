-- Adds an entry to a log.
-- ARGV: now, id, log, by, data, until, for how many seconds the log lives, connection (or empty),
-- call (or empty), 1 if it is final, how many entries and bytes it takes at most.
-- Returns: {seq, reader}, nil where the log takes nothing from there, or an error FULL.
-- Sent again with the same "by", after a lost reply, it returns the same.
local id, log, by, data = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local key = log_key(id, log)
local known = redis.call("HMGET", key,
    "last", "by", "final", "count", "bytes", unpack(READER))
local function appended(seq) return {seq, reader_of(known, 6)} end
if known[2] == by then return appended(tonumber(known[1])) end
if known[3] == "1" then return false end
if ARGV[8] ~= "" then
    local host = redis.call("HMGET", lambda_key(id), "connection", "expires")
    if host[1] ~= ARGV[8] or tonumber(host[2]) <= now then return false end
end
if ARGV[9] ~= "" then
    local call = redis.call("HMGET", call_key(id, ARGV[9]), "deadline", "status")
    if not call[1] or call[2] or tonumber(call[1]) <= now then return false end
end
local function is_full(count, bytes)
    return tonumber(count or 0) >= tonumber(ARGV[11])
        or tonumber(bytes or 0) + #data > tonumber(ARGV[12])
end
if is_full(known[4], known[5]) then
    local full_at = tonumber(redis.call("HGET", key, "full_at") or 0)
    if now >= full_at and now - full_at < FULL then
        return redis.error_reply("FULL too many entries")
    end
    remove_entries(id, log, function(entry)
        if tonumber(entry["until"]) <= now then return true end
        if entry.call == "" then return false end
        local call = redis.call("HMGET", call_key(id, entry.call), "deadline", "status")
        return not call[1] or call[2]
    end)
    if is_full(redis.call("HGET", key, "count"), redis.call("HGET", key, "bytes")) then
        redis.call("HSET", key, "full_at", ARGV[1])
        return redis.error_reply("FULL too many entries")
    end
end
local seq = redis.call("HINCRBY", key, "last", 1)
redis.call("HINCRBY", key, "count", 1)
redis.call("HINCRBY", key, "bytes", #data)
redis.call("HSET", key, "by", by, "final", ARGV[10])
redis.call("XADD", entries_key(id, log), seq .. "-1",
    "data", data, "until", ARGV[6], "call", ARGV[9])
outlive(key, tonumber(ARGV[7]) * 1000)
outlive(entries_key(id, log), tonumber(ARGV[7]) * 1000)
return appended(seq)
