-- Begin a generation beside the current one; nil if a rebuild is under way.
-- KEYS: rebuilding, last, discarded. ARGV: milliseconds until the lease on it expires.
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local generation = tostring(redis.call('INCR', KEYS[2]))
redis.call('SET', KEYS[1], generation, 'PX', ARGV[1])
redis.call('SADD', KEYS[3], generation)  -- to delete, should this rebuild never end
return generation
