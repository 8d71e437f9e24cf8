-- Tells how many calls a lambda has in flight.
-- ARGV: now, id. Returns: what services are told.
tell_services(ARGV[2])
return told
