-- Keys, all of one shard {NN}, so that a script never spans slots of a cluster:
--
--   gl:{NN}:lambda:<id>      hash    an open lambda: the fields of store.base.Lambda
--   gl:{NN}:past:<id>        hash    generation and owner of a lambda that was open, until when
--                                    they are known
--   gl:{NN}:waiting:<id>     set     tokens of the calls that wait for the lambda
--   gl:{NN}:call:<id>:<tok>  hash    a call: connection, deadline, for how long its outcome is
--                                    kept, facts, its once key; ended: status, body, extra, by whom and
--                                    until when they are known
--   gl:{NN}:waits:<id>:<tok> hash    who waits for a call that another began, by token: facts
--   gl:{NN}:once:<id>:<key>  hash    token and fingerprint of the call that a key was given for
--   gl:{NN}:open             zset    ids of open lambdas by the time they opened
--   gl:{NN}:due              zset    "lambda <id>" by expiry, "call <id>:<token>" and
--                                    "wait <id>:<call>:<token>" by deadline
--
-- Beside them, in no shard: gl:kept:<tok>, the lambda of a call whose outcome may be asked for.
--
-- Times are seconds since 1970 as the caller's clock says; lifetimes are relative, in milliseconds.
-- Whatever ends on time is removed by the sweep. The lifetimes are for when nobody sweeps.

local MARGIN = 60000       -- how long a key outlives what it describes
local INDEX = 172800000    -- how long an index outlives its last change
local REMEMBERED = 86400   -- REMEMBERED_S of store.base, in seconds

-- Each script is given the shard's prefix as KEYS[1], from which it builds its keys, and the time
-- as ARGV[1].
local shard = KEYS[1]
local now = tonumber(ARGV[1])
local OPEN = shard .. ":open"
local DUE = shard .. ":due"

local function lambda_key(id) return shard .. ":lambda:" .. id end
local function past_key(id) return shard .. ":past:" .. id end
local function waiting_key(id) return shard .. ":waiting:" .. id end
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

-- Closes a lambda; returns its fields and its waiting calls: {token, facts, ...}.
local function close_lambda(id, status, body, extra)
    local fields = redis.call("HGETALL", lambda_key(id))
    local past = redis.call("HMGET", lambda_key(id), "generation", "owner")
    redis.call("DEL", lambda_key(id))
    redis.call("ZREM", OPEN, id)
    redis.call("ZREM", DUE, "lambda " .. id)
    if past[1] then
        redis.call("HSET", past_key(id), "generation", past[1], "owner", past[2] or "",
            "until", string.format("%.3f", now + REMEMBERED))
        live(past_key(id), REMEMBERED * 1000)
    end
    local calls = {}
    for _, token in ipairs(redis.call("SMEMBERS", waiting_key(id))) do
        local facts = redis.call("HGET", call_key(id, token), "facts")
        if facts then
            end_call(id, token, status, body, extra, "")
            calls[#calls + 1] = token
            calls[#calls + 1] = facts
        end
    end
    redis.call("DEL", waiting_key(id))
    return {fields, calls}
end
