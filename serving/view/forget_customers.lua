-- Remove erased customers, and let no later record bring them back.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what our keys begin with, and for each: bucket, field, customer id, and when the
--       record that erases the customer was written.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'moved'} end
local base = ARGV[2]
for at = 3, #ARGV, 4 do
  redis.call('HSET', base .. 'seen:' .. ARGV[at], ARGV[at + 1], 'erased:' .. ARGV[at + 3])
  for _, level in ipairs({'active', 'at_risk', 'dormant', 'churned'}) do
    redis.call('ZREM', base .. 'reached:' .. level, ARGV[at + 2])
  end
end
return {'applied'}
