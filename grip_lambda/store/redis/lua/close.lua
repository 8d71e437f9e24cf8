-- Closes a lambda if a connection holds it.
-- ARGV: now, id, connection, status, body, extra. Returns: nil, or what close_lambda does.
if redis.call("HGET", lambda_key(ARGV[2]), "connection") ~= ARGV[3] then return false end
return close_lambda(ARGV[2], ARGV[4], ARGV[5], ARGV[6])
