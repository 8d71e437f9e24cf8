-- Removes a host from a service, unless it is in it by another connection.
-- ARGV: now, name, id, connection (empty for any).
local known = host_in(ARGV[2], ARGV[3])
if known and (ARGV[4] == "" or known[1] == ARGV[4]) then remove(ARGV[2], ARGV[3]) end
return 0
