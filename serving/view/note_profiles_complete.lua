-- Note that the profiles of some partitions were complete at a time.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what our keys begin with, the time, and the partitions.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'moved'} end
for at = 4, #ARGV do redis.call('HSET', ARGV[2] .. 'positions', 'known:' .. ARGV[at], ARGV[3]) end
return {'applied'}
