-- Ends what is due in a shard.
-- ARGV: now, limit, then status, body and extra for calls of lambdas that were not seen, then
-- status, body and extra for calls whose deadline passed, then for how many seconds lambdas that
-- are due are spared instead of closed (0: not at all).
-- Returns: {what close_lambda returns, ...}, {id, token, facts, ...} of calls,
-- {id, call, token, facts, ...} of waits, and what services are told.
local closed, overdue, waits, busy = {}, {}, {}, {}
local ended = 0
for _, member in ipairs(redis.call("ZRANGE", DUE, "-inf", ARGV[1], "BYSCORE", "LIMIT", 0, ARGV[2])) do
    local kind, id, token = string.match(member, "^(%a+) ([^:]+):?(.*)$")
    local spare = kind == "lambda" and tonumber(ARGV[9]) or 0
    if spare > 0 and redis.call("EXISTS", lambda_key(id)) == 1 then
        local expires = string.format("%.3f", now + spare)
        redis.call("HSET", lambda_key(id), "expires", expires)
        live(lambda_key(id), spare * 1000 + MARGIN)
        redis.call("ZADD", DUE, expires, member)
    elseif kind == "lambda" then
        closed[#closed + 1] = close_lambda(id, ARGV[3], ARGV[4], ARGV[5])
        ended = ended + #closed[#closed][2] / 2
        if ended >= STEP then break end
    elseif kind == "wait" then
        local call, wait = string.match(token, "^([^:]+):(.*)$")
        local facts = redis.call("HGET", waits_key(id, call), wait)
        redis.call("HDEL", waits_key(id, call), wait)
        redis.call("ZREM", DUE, member)
        if facts then
            for _, value in ipairs({id, call, wait, facts}) do waits[#waits + 1] = value end
        end
    else
        local facts = redis.call("HGET", call_key(id, token), "facts")
        if facts then
            end_call(id, token, ARGV[6], ARGV[7], ARGV[8], "")
            overdue[#overdue + 1] = id
            overdue[#overdue + 1] = token
            overdue[#overdue + 1] = facts
            busy[id] = true
        else
            redis.call("ZREM", DUE, member)
            redis.call("SREM", waiting_key(id), token)
            busy[id] = true
        end
    end
end
for id in pairs(busy) do tell_services(id) end
return {closed, overdue, waits, told}
