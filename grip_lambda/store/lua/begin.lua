-- Enters a call.
-- ARGV: now, id, token, node, deadline.
-- Returns: {connection, node} of the host, or an error NOTFOUND or BUSY.
local id, token, node, deadline = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local host = redis.call("HMGET", lambda_key(id), "connection", "node", "expires", "max_calls")
if not host[1] or tonumber(host[3]) <= now then
    return redis.error_reply("NOTFOUND no such lambda")
end
if host[4] and redis.call("SCARD", waiting_key(id)) >= tonumber(host[4]) then
    return redis.error_reply("BUSY too many calls")
end
local left = (tonumber(deadline) - now) * 1000 + MARGIN
redis.call("HSET", call_key(id, token), "connection", host[1], "node", node, "deadline", deadline)
live(call_key(id, token), left)
redis.call("SADD", waiting_key(id), token)
outlive(waiting_key(id), left)
redis.call("ZADD", DUE, deadline, "call " .. id .. ":" .. token)
return {host[1], host[2]}
