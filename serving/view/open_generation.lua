-- The current generation, a new empty one if there is none.
-- KEYS: current, last.
local current = redis.call('GET', KEYS[1])
if current then return current end
current = tostring(redis.call('INCR', KEYS[2]))
redis.call('SET', KEYS[1], current)
return current
