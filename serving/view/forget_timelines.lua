-- Let no later record bring back the timelines of customers who are erased. What removes their
-- profiles removes the timelines.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what its keys begin with, and for each: bucket, field, and when the record that
--       erases the customer was written.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'moved'} end
local base = ARGV[2]
for at = 3, #ARGV, 3 do
  local marks, field, erased = base .. 'timeline:erased:' .. ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local marked = redis.call('HGET', marks, field)
  if not marked or tonumber(marked) < tonumber(erased) then
    redis.call('HSET', marks, field, erased)
  end
end
return {'applied'}
