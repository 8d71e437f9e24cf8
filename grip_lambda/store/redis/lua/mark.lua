-- Notices that the server has lost what it knew.
-- ARGV: now, the mark that was seen before (or empty), a fresh one.
-- Returns: the mark that the server has now, and since when it has lost what was before, or 0.
local key = shard .. ":mark"
local known = redis.call("HMGET", key, "mark", "lost")
if not known[1] then
    known = {ARGV[3], ARGV[2] ~= "" and ARGV[1] or "0"}
    redis.call("HSET", key, "mark", known[1], "lost", known[2])
elseif ARGV[2] ~= "" and ARGV[2] ~= known[1] and known[2] == "0" then
    known[2] = ARGV[1]
    redis.call("HSET", key, "lost", known[2])
end
outlive(key, INDEX)
return known
