-- Services. The index of one is in the shard of its name; what it says of a lambda's calls comes
-- from the shard of the lambda, which decides: a host that has gone or has no room is refused there
-- (begin.lua), and told here. Comes after common.lua.
--
-- A host in the index: {connection, number of the last message, calls in flight, max_calls or -1,
-- 1 if private, owner, turn}.

-- Calls in flight come before turns; there is room for both in a double.
local TURNS = 100000000000

local function service_key(name) return shard .. ":service:" .. name end
local function free_key(name) return shard .. ":free:" .. name end
local function turn_key(name) return shard .. ":turn:" .. name end

local function host_in(name, id)
    local packed = redis.call("HGET", service_key(name), id)
    return packed and cmsgpack.unpack(packed)
end

local function enter(name, id, host)
    redis.call("HSET", service_key(name), id, cmsgpack.pack(host))
    if host[4] >= 0 and host[3] >= host[4] then
        redis.call("ZREM", free_key(name), id)
    else
        redis.call("ZADD", free_key(name), string.format("%.0f", host[3] * TURNS + host[7]), id)
        outlive(free_key(name), INDEX)
    end
    outlive(service_key(name), INDEX)
end

local function remove(name, id)
    redis.call("HDEL", service_key(name), id)
    redis.call("ZREM", free_key(name), id)
    if redis.call("EXISTS", service_key(name)) == 0 then redis.call("DEL", turn_key(name)) end
end
