-- Tells other processes something, and returns what they tell.
-- ARGV: now, process, report (or empty), until when it is of use, what it is about (or empty).
-- Returns: {report, ...} of others.
local key = shard .. ":reports" .. ARGV[5]
if ARGV[3] ~= "" then
    redis.call("HSET", key, ARGV[2], ARGV[4] .. " " .. ARGV[3])
    outlive(key, INDEX)
end
local others = {}
local all = redis.call("HGETALL", key)
for n = 1, #all, 2 do
    local ends, report = string.match(all[n + 1], "^(%S+) (.*)$")
    if tonumber(ends) <= now then
        redis.call("HDEL", key, all[n])
    elseif all[n] ~= ARGV[2] then
        others[#others + 1] = report
    end
end
return others
