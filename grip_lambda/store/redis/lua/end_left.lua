-- Ends calls of a lambda that was closed.
-- ARGV: now, id, connection, status, body, extra. Returns: {token, facts, ...}.
return end_left(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
