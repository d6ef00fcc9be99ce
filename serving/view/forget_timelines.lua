-- Remove the timelines of erased customers, and let no later record bring them back.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what its keys begin with, and for each: bucket, field, customer id, and when the
--       record that erases the customer was written.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'moved'} end
local base = ARGV[2]
for at = 3, #ARGV, 4 do
  local marks, field, id, erased = base .. 'timeline:erased:' .. ARGV[at], ARGV[at + 1],
    ARGV[at + 2], tonumber(ARGV[at + 3])
  local marked = tonumber(redis.call('HGET', marks, field))
  if not marked or marked < erased then redis.call('HSET', marks, field, ARGV[at + 3]) end
  local profile_ms = tonumber(redis.call('HGET', base .. 'customer:' .. id, 'timestamp_ms'))
  -- Else this record was read again, and the customer is back since.
  if not profile_ms or profile_ms <= erased then redis.call('DEL', base .. 'timeline:' .. id) end
end
return {'applied'}
