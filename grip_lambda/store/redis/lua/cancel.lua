-- Ends a call from outside.
-- ARGV: now, id, token, by, status, body, extra, 1 if an ended one is to have this outcome, too, 1
-- if nothing is to be done while somebody waits for it.
-- Returns: nil where it is unknown, or {facts, the connection that has not answered, or empty, what
-- services are told}. Sent again with the same "by", after a lost reply, it returns the same.
local id, token, by = ARGV[2], ARGV[3], ARGV[4]
if not is_known(id, token) then return false end
local call = redis.call("HMGET", call_key(id, token), "facts", "connection", "status", "by", "asked")
if call[4] == by then return {call[1], call[5], told} end
if call[3] and ARGV[8] ~= "1" then return false end
if ARGV[9] == "1" and redis.call("EXISTS", waits_key(id, token)) == 1 then return false end
local asked = call[3] and "" or call[2]
end_call(id, token, ARGV[5], ARGV[6], ARGV[7], by)
redis.call("HSET", call_key(id, token), "asked", asked)
tell_services(id)
return {call[1], asked, told}
