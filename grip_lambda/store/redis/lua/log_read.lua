-- Reads a log.
-- ARGV: now, id, log, after, for how many seconds the log lives, the last entry to read (or empty).
-- Returns: as log_tail, or nil where there is no such log.
if redis.call("EXISTS", log_key(ARGV[2], ARGV[3])) == 0 then return false end
outlive(log_key(ARGV[2], ARGV[3]), tonumber(ARGV[5]) * 1000)
outlive(entries_key(ARGV[2], ARGV[3]), tonumber(ARGV[5]) * 1000)
return log_tail(ARGV[2], ARGV[3], ARGV[4], ARGV[6] ~= "" and ARGV[6])
