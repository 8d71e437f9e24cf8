-- Stores the outcomes of calls that a connection was asked.
-- ARGV: now, id, connection, by, then for each: token, status, body, extra.
-- Returns: {token, facts, ...} of those that ended by this, and what services are told. Sent again with the same "by", after a
-- lost reply, it returns the same.
local id, connection, by = ARGV[2], ARGV[3], ARGV[4]
local ended = {}
for n = 5, #ARGV, 4 do
    local token = ARGV[n]
    local call = redis.call(
        "HMGET", call_key(id, token), "connection", "facts", "deadline", "status", "by")
    local waits = call[1] == connection and not call[4] and tonumber(call[3]) > now
    if waits then end_call(id, token, ARGV[n + 1], ARGV[n + 2], ARGV[n + 3], by) end
    if waits or call[5] == by then
        ended[#ended + 1] = token
        ended[#ended + 1] = call[2]
    end
end
if #ended > 0 then tell_services(id) end
return {ended, told}
