-- Chooses the host whose turn it is; it then has one more call in flight, and is the last.
-- ARGV: now, name, token, the key of a call that is made once only (else empty), its fingerprint,
-- for how many milliseconds that is kept, the token that the key is taken from (or empty), 1 if the
-- host may be private, 1 if it must be of one of the owners that follow.
-- Returns: {id}, or {token, fingerprint, id, when it was chosen} of the call that had the same key,
-- or an error NOTFOUND, REFUSED or FULLSERVICE.
local name, token = ARGV[2], ARGV[3]
local once = ARGV[4] ~= "" and shard .. ":named:" .. name .. ":" .. ARGV[4]
if once then
    local known = redis.call("HMGET", once, "token", "fingerprint", "id", "since")
    if known[1] and known[1] ~= token and known[1] ~= ARGV[7] then return known end
end

local function is_allowed(host)
    if host[5] == 1 and ARGV[8] ~= "1" then return false end
    if ARGV[9] ~= "1" then return true end
    for n = 10, #ARGV do
        if ARGV[n] == host[6] then return true end
    end
    return false
end

local function chosen()
    local from = 0
    while true do
        local some = redis.call("ZRANGE", free_key(name), from, from + (from == 0 and 0 or 99))
        for _, id in ipairs(some) do
            local host = host_in(name, id)
            if host and is_allowed(host) then return id, host end
        end
        if #some == 0 then return end
        from = from + #some
    end
end

local id, host = chosen()
if not id then
    local cursor, seen = "0", false
    repeat
        local found = redis.call("HSCAN", service_key(name), cursor)
        cursor = found[1]
        for n = 2, #found[2], 2 do
            seen = true
            if is_allowed(cmsgpack.unpack(found[2][n])) then
                return redis.error_reply("FULLSERVICE no host has room")
            end
        end
    until cursor == "0"
    return redis.error_reply(seen and "REFUSEDSERVICE not for this caller" or "NOSERVICE no host is open")
end
host[3] = host[3] + 1
host[7] = redis.call("INCR", turn_key(name))
outlive(turn_key(name), INDEX)
enter(name, id, host)
if once then
    redis.call("DEL", once)
    redis.call("HSET", once, "token", token, "fingerprint", ARGV[5], "id", id, "since", ARGV[1])
    live(once, tonumber(ARGV[6]))
end
return {id}
