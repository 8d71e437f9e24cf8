-- Enters who waits for a call, if it has no outcome yet.
-- ARGV: now, id, token of the call, token of the wait, its deadline, facts, how many may wait.
-- Returns: 1, 0 where the call has ended, or an error CROWDED.
local id, token, wait, deadline = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local call = redis.call("HMGET", call_key(id, token), "facts", "status")
if not call[1] or call[2] then return 0 end
if redis.call("HLEN", waits_key(id, token)) >= tonumber(ARGV[7])
    and redis.call("HEXISTS", waits_key(id, token), wait) == 0 then
    return redis.error_reply("CROWDED as many wait for the call as may")
end
redis.call("HSET", waits_key(id, token), wait, ARGV[6])
outlive(waits_key(id, token), (tonumber(deadline) - now) * 1000 + MARGIN)
redis.call("ZADD", DUE, deadline, "wait " .. id .. ":" .. token .. ":" .. wait)
return 1
