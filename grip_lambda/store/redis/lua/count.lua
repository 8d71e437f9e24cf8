-- Adds to the figures of open lambdas.
-- ARGV: now, then for each: id, connection (or empty), since when, calls, errors, ms together, ms at
-- most, when the last one ended. See store/watching.py.
for n = 2, #ARGV, 8 do
    local key = lambda_key(ARGV[n])
    local known = redis.call("HMGET", key, "connection", "opened", "max_ms", "last_call")
    local connection = ARGV[n + 1]
    if known[1] and (connection == known[1]
        or connection == "" and tonumber(known[2]) <= tonumber(ARGV[n + 2])) then
        redis.call("HINCRBY", key, "calls", ARGV[n + 3])
        redis.call("HINCRBY", key, "errors", ARGV[n + 4])
        redis.call("HINCRBYFLOAT", key, "total_ms", ARGV[n + 5])
        if tonumber(ARGV[n + 6]) > tonumber(known[3] or 0) then
            redis.call("HSET", key, "max_ms", ARGV[n + 6])
        end
        if tonumber(ARGV[n + 7]) > tonumber(known[4] or 0) then
            redis.call("HSET", key, "last_call", ARGV[n + 7])
        end
    end
end
return 0
