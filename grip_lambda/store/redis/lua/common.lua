-- Keys, all of one shard {NN}, so that a script never spans slots of a cluster:
--
--   gl:{NN}:lambda:<id>      hash    an open lambda: the fields of store.base.Lambda
--   gl:{NN}:past:<id>        hash    generation and owner of a lambda that was open, until when
--                                    they are known
--   gl:{NN}:waiting:<id>     set     tokens of the calls that wait for the lambda
--   gl:{NN}:left:<id>:<conn> set     tokens of calls of a lambda that was closed, which have not
--                                    been ended yet
--   gl:{NN}:call:<id>:<tok>  hash    a call: connection, deadline, for how long its outcome is
--                                    kept, facts, its once key; ended: status, body, extra, by whom and
--                                    until when they are known
--   gl:{NN}:waits:<id>:<tok> hash    who waits for a call that another began, by token: facts
--   gl:{NN}:once:<id>:<key>  hash    token and fingerprint of the call that a key was given for
--   gl:{NN}:open             zset    ids of open lambdas by the time they opened
--   gl:{NN}:client           hash    of open lambdas, by id, whom they count for
--   gl:{NN}:clients          zset    those by how many lambdas they have open
--   gl:{NN}:service:<name>   hash    the hosts of a service, by id; in the shard of the name, as all
--                                    that follows (lua/services.lua)
--   gl:{NN}:free:<name>      zset    those that have room, by calls in flight and turn
--   gl:{NN}:turn:<name>      string  how often one of them was chosen
--   gl:{NN}:named:<name>:<key> hash  token, fingerprint and lambda of the call that a key was given for
--   gl:{NN}:due              zset    "lambda <id>" by expiry, "call <id>:<token>" and
--                                    "wait <id>:<call>:<token>" by deadline
--
-- Beside them, in no shard: gl:kept:<tok>, the lambda of a call whose outcome may be asked for.
-- And in the first one: gl:{00}:mark, hash, a name for what the server knows, and since when that
-- takes the place of what it lost, or 0; gl:{00}:reports, hash, what processes tell each other.
--
-- Times are seconds since 1970 as the caller's clock says; lifetimes are relative, in milliseconds.
-- Whatever ends on time is removed by the sweep. The lifetimes are for when nobody sweeps.

local MARGIN = 60000       -- how long a key outlives what it describes
local INDEX = 172800000    -- how long an index outlives its last change
local REMEMBERED = 86400   -- REMEMBERED_S of store/facts.py, in seconds
local STEP = 500           -- STEP_MAX of store/facts.py

-- Each script is given the shard's prefix as KEYS[1], from which it builds its keys, and the time
-- as ARGV[1].
local shard = KEYS[1]
local now = tonumber(ARGV[1])
local OPEN = shard .. ":open"
local DUE = shard .. ":due"
local CLIENT = shard .. ":client"
local CLIENTS = shard .. ":clients"

local function lambda_key(id) return shard .. ":lambda:" .. id end
local function past_key(id) return shard .. ":past:" .. id end
local function waiting_key(id) return shard .. ":waiting:" .. id end
local function left_key(id, connection) return shard .. ":left:" .. id .. ":" .. connection end
local function call_key(id, token) return shard .. ":call:" .. id .. ":" .. token end

local function waits_key(id, token) return shard .. ":waits:" .. id .. ":" .. token end
local function once_key(id, key) return shard .. ":once:" .. id .. ":" .. key end

-- Whether a call waits, or has an outcome that is kept still.
local function is_known(id, token)
    local call = redis.call("HMGET", call_key(id, token), "facts", "until")
    return call[1] and (not call[2] or tonumber(call[2]) > now)
end

local function live(key, ms)
    redis.call("PEXPIRE", key, math.ceil(math.max(1, ms)))
end

-- Lengthens the life of a key, never shortens it.
local function outlive(key, ms)
    if redis.call("PTTL", key) < ms then live(key, ms) end
end

-- What the services of lambdas are to be told of their calls, {id, services, connection, how many
-- are in flight, the number of this message, ...}: of two the one with the greater number counts.
local told = {}

local function tell_services(id)
    local known = redis.call("HMGET", lambda_key(id), "services", "connection", "told")
    if not known[1] then return end
    -- Greater than those of a server that has lost what it knew, too.
    local number = math.max(tonumber(known[3] or 0) + 1, math.floor(now * 1000))
    local told_as = string.format("%.0f", number)
    redis.call("HSET", lambda_key(id), "told", told_as)
    local count = redis.call("SCARD", waiting_key(id))
    for _, value in ipairs({id, known[1], known[2], count, told_as}) do told[#told + 1] = value end
end

-- Ends a call that waits.
local function end_call(id, token, status, body, extra, by)
    local key = call_key(id, token)
    local kept = tonumber(redis.call("HGET", key, "kept"))
    redis.call("HSET", key, "status", status, "body", body, "extra", extra, "by", by,
        "until", string.format("%.3f", now + kept))
    live(key, kept * 1000)
    redis.call("ZREM", DUE, "call " .. id .. ":" .. token)
    redis.call("SREM", waiting_key(id), token)
end

-- Notes whom a lambda counts for that is open now, or nobody (nil) if it is closed.
local function count_for(id, client)
    local before = redis.call("HGET", CLIENT, id)
    if before == client or not (before or client) then return end
    if before then
        redis.call("HDEL", CLIENT, id)
        if tonumber(redis.call("ZINCRBY", CLIENTS, -1, before)) <= 0 then
            redis.call("ZREM", CLIENTS, before)
        end
    end
    if client then
        redis.call("HSET", CLIENT, id, client)
        redis.call("ZINCRBY", CLIENTS, 1, client)
        outlive(CLIENT, INDEX)
        outlive(CLIENTS, INDEX)
    end
end

-- Ends calls of a lambda that was closed, as many as one step may; returns {token, facts, ...}.
local function end_left(id, connection, status, body, extra)
    local calls = {}
    for _, token in ipairs(redis.call("SPOP", left_key(id, connection), STEP)) do
        local facts = redis.call("HGET", call_key(id, token), "facts")
        if facts then
            end_call(id, token, status, body, extra, "")
            calls[#calls + 1] = token
            calls[#calls + 1] = facts
        end
    end
    return calls
end

-- Closes a lambda; returns its fields and its waiting calls, {token, facts, ...}: as many as one
-- step may end.
local function close_lambda(id, status, body, extra)
    local fields = redis.call("HGETALL", lambda_key(id))
    local known = redis.call("HMGET", lambda_key(id), "generation", "owner", "connection")
    redis.call("DEL", lambda_key(id))
    redis.call("ZREM", OPEN, id)
    redis.call("ZREM", DUE, "lambda " .. id)
    count_for(id, nil)
    if known[1] then
        redis.call("HSET", past_key(id), "generation", known[1], "owner", known[2] or "",
            "until", string.format("%.3f", now + REMEMBERED))
        live(past_key(id), REMEMBERED * 1000)
    end
    if redis.call("EXISTS", waiting_key(id)) == 0 then return {fields, {}} end
    redis.call("RENAME", waiting_key(id), left_key(id, known[3] or ""))
    return {fields, end_left(id, known[3] or "", status, body, extra)}
end
