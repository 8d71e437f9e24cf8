-- Enters a call.
-- ARGV: now, id, token, deadline, for how many seconds its outcome is kept, facts, 1 if the lambda
-- may be private, 1 if it must be of one of the owners that follow.
-- Returns: {connection, node, code, transport, context} of the host, or an error NOTFOUND, REFUSED
-- or BUSY.
local id, token, deadline = ARGV[2], ARGV[3], ARGV[4]
local host = redis.call("HMGET", lambda_key(id),
    "connection", "node", "code", "transport", "context", "expires", "max_calls",
    "private", "owner")
if not host[1] or tonumber(host[6]) <= now then
    return redis.error_reply("NOTFOUND no such lambda")
end
local allowed = ARGV[7] == "1" or host[8] ~= "1"
if allowed and ARGV[8] == "1" then
    allowed = false
    for n = 9, #ARGV do
        if ARGV[n] == (host[9] or "") then allowed = true end
    end
end
if not allowed then return redis.error_reply("REFUSED not for this caller") end
if host[7] and redis.call("SCARD", waiting_key(id)) >= tonumber(host[7]) then
    return redis.error_reply("BUSY too many calls")
end
local key = call_key(id, token)
if redis.call("EXISTS", key) == 1 then
    if redis.call("HEXISTS", key, "status") == 0 then
        return redis.error_reply("BUSY the call is under way")
    end
    redis.call("DEL", key)
end
local left = (tonumber(deadline) - now) * 1000 + MARGIN
redis.call("HSET", key,
    "connection", host[1], "deadline", deadline, "kept", ARGV[5], "facts", ARGV[6])
live(key, left)
redis.call("SADD", waiting_key(id), token)
outlive(waiting_key(id), left)
redis.call("ZADD", DUE, deadline, "call " .. id .. ":" .. token)
return {host[1], host[2], host[3], host[4], host[5]}
