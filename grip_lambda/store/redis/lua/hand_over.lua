-- Notes who waits for a call from now on.
-- ARGV: now, id, token, facts. Returns: 1, or 0 where it has ended or is unknown.
local key = call_key(ARGV[2], ARGV[3])
local call = redis.call("HMGET", key, "facts", "status")
if not call[1] or call[2] then return 0 end
redis.call("HSET", key, "facts", ARGV[4])
return 1
