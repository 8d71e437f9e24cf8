-- Enters a call.
-- ARGV: now, id, token, deadline, for how many seconds its outcome is kept, facts, the key and the
-- fingerprint of a call that is made once only (else empty; the key of a service is a name of this
-- database, which begins with "gl:", and whose fingerprint is kept there), the only connection that may be asked
-- (or empty), 1 if the lambda may be private, 1 if it must be of one of the owners that follow.
-- Returns: {connection, node, code, transport, context, busy_until} of the host and what services
-- are told, or {token, fingerprint} of the call that had the same key before, or an error NOTFOUND, REFUSED or BUSY. Sent again after a lost
-- reply, it returns the same.
local id, token, deadline, facts = ARGV[2], ARGV[3], ARGV[4], ARGV[6]
local is_named = ARGV[7]:sub(1, 3) == "gl:"
local once = ARGV[7] ~= "" and (is_named and ARGV[7] or once_key(id, ARGV[7]))
if once and not is_named then
    local earlier = redis.call("HMGET", once, "token", "fingerprint")
    if earlier[1] and earlier[1] ~= token and is_known(id, earlier[1]) then return earlier end
end
local host = redis.call("HMGET", lambda_key(id),
    "connection", "node", "code", "transport", "context", "expires", "max_calls",
    "private", "owner", "busy_until")
if not host[1] or tonumber(host[6]) <= now or (ARGV[9] ~= "" and ARGV[9] ~= host[1]) then
    return redis.error_reply("NOTFOUND no such lambda")
end
local allowed = ARGV[10] == "1" or host[8] ~= "1"
if allowed and ARGV[11] == "1" then
    allowed = false
    for n = 12, #ARGV do
        if ARGV[n] == (host[9] or "") then allowed = true end
    end
end
if not allowed then return redis.error_reply("REFUSED not for this caller") end
local key = call_key(id, token)
local known = redis.call("HMGET", key, "facts", "status")
if known[1] and not known[2] then
    if known[1] ~= facts then return redis.error_reply("BUSY the call is under way") end
elseif host[7] and redis.call("SCARD", waiting_key(id)) >= tonumber(host[7]) then
    -- Those that are over, but have not been swept yet, take no place.
    local over, mine = 0, "call " .. id .. ":"
    for _, due in ipairs(redis.call("ZRANGEBYSCORE", DUE, "-inf", now, "LIMIT", 0, 1000)) do
        if due:sub(1, #mine) == mine
            and redis.call("SISMEMBER", waiting_key(id), due:sub(#mine + 1)) == 1 then
            over = over + 1
        end
    end
    if redis.call("SCARD", waiting_key(id)) - over >= tonumber(host[7]) then
        return redis.error_reply("BUSY too many calls")
    end
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
    if not is_named then
        redis.call("HSET", once, "token", token, "fingerprint", ARGV[8])
        live(once, left + tonumber(ARGV[5]) * 1000)
    end
end
redis.call("ZADD", DUE, deadline, "call " .. id .. ":" .. token)
tell_services(id)
return {host[1], host[2], host[3], host[4], host[5], host[10], told}
