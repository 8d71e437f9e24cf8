-- Ends what is due in a shard.
-- ARGV: now, limit, then status and body for calls of lambdas that were not seen, then
-- status and body for calls whose deadline passed.
-- Returns: {what close_lambda returns, ...}, {id, token, node, deadline, ...}
local closed, overdue = {}, {}
for _, member in ipairs(redis.call("ZRANGE", DUE, "-inf", ARGV[1], "BYSCORE", "LIMIT", 0, ARGV[2])) do
    local kind, id, token = string.match(member, "^(%a+) ([^:]+):?(.*)$")
    if kind == "lambda" then
        closed[#closed + 1] = close_lambda(id, ARGV[3], ARGV[4])
    else
        local call = redis.call("HMGET", call_key(id, token), "node", "deadline")
        if call[1] then
            end_call(id, token, ARGV[5], ARGV[6], "")
            overdue[#overdue + 1] = id
            overdue[#overdue + 1] = token
            overdue[#overdue + 1] = call[1]
            overdue[#overdue + 1] = call[2]
        else
            redis.call("ZREM", DUE, member)
            redis.call("SREM", waiting_key(id), token)
        end
    end
end
return {closed, overdue}
