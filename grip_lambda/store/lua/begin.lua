-- Enters a call.
-- ARGV: now, id, token, deadline, for how many seconds its outcome is kept, facts, the key and the
-- fingerprint of a call that is made once only (else empty), 1 if the lambda may be private, 1 if
-- it must be of one of the owners that follow.
-- Returns: {connection, node, code, transport, context} of the host, or {token, fingerprint} of the
-- call that had the same key before, or an error NOTFOUND, REFUSED or BUSY. Sent again after a lost
-- reply, it returns the same.
local id, token, deadline, facts = ARGV[2], ARGV[3], ARGV[4], ARGV[6]
local once = ARGV[7] ~= "" and once_key(id, ARGV[7])
if once then
    local earlier = redis.call("HMGET", once, "token", "fingerprint")
    if earlier[1] and earlier[1] ~= token and is_known(id, earlier[1]) then return earlier end
end
local host = redis.call("HMGET", lambda_key(id),
    "connection", "node", "code", "transport", "context", "expires", "max_calls",
    "private", "owner")
if not host[1] or tonumber(host[6]) <= now then
    return redis.error_reply("NOTFOUND no such lambda")
end
local allowed = ARGV[9] == "1" or host[8] ~= "1"
if allowed and ARGV[10] == "1" then
    allowed = false
    for n = 11, #ARGV do
        if ARGV[n] == (host[9] or "") then allowed = true end
    end
end
if not allowed then return redis.error_reply("REFUSED not for this caller") end
local key = call_key(id, token)
local known = redis.call("HMGET", key, "facts", "status")
if known[1] and not known[2] then
    if known[1] ~= facts then return redis.error_reply("BUSY the call is under way") end
elseif host[7] and redis.call("SCARD", waiting_key(id)) >= tonumber(host[7]) then
    return redis.error_reply("BUSY too many calls")
end
if known[2] then redis.call("DEL", key) end
local left = (tonumber(deadline) - now) * 1000 + MARGIN
redis.call("HSET", key,
    "connection", host[1], "deadline", deadline, "kept", ARGV[5], "facts", facts)
live(key, left)
redis.call("SADD", waiting_key(id), token)
outlive(waiting_key(id), left)
if once then
    redis.call("HSET", key, "once", once)
    redis.call("HSET", once, "token", token, "fingerprint", ARGV[8])
    live(once, left + tonumber(ARGV[5]) * 1000)
end
redis.call("ZADD", DUE, deadline, "call " .. id .. ":" .. token)
return {host[1], host[2], host[3], host[4], host[5]}
