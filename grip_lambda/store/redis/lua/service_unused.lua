-- Makes the key free of a call that was not entered.
-- ARGV: now, name, token, key.
local once = shard .. ":named:" .. ARGV[2] .. ":" .. ARGV[4]
if redis.call("HGET", once, "token") == ARGV[3] then redis.call("DEL", once) end
return 0
