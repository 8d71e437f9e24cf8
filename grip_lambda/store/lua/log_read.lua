-- Reads a log.
-- ARGV: now, id, log, after. Returns: as log_tail, or nil where there is no such log.
if redis.call("EXISTS", log_key(ARGV[2], ARGV[3])) == 0 then return false end
return log_tail(ARGV[2], ARGV[3], ARGV[4])
