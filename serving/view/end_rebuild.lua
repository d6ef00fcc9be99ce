-- Give up the lease on a generation, if it is still ours.
-- KEYS: rebuilding. ARGV: generation.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
