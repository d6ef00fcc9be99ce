-- Make the rebuilt generation the current one, unless the current one has a later offset.
-- KEYS: rebuilding, current, discarded.
-- ARGV: generation, prefix of all keys, 1 to switch in any case (else 0); then for each
--       partition the name of its stored offsets, its number and the offset at which it ends.
local generation, prefix, force = ARGV[1], ARGV[2], ARGV[3]
if redis.call('GET', KEYS[1]) ~= generation then return 'moved' end
local old = redis.call('GET', KEYS[2])
if old and force ~= '1' then
  for i = 4, #ARGV, 3 do
    local name, field = ':' .. ARGV[i], 'next:' .. ARGV[i + 1]
    local there = tonumber(redis.call('HGET', prefix .. old .. name, field) or 0)
    local here = tonumber(redis.call('HGET', prefix .. generation .. name, field) or 0)
    -- An offset past the end belongs to a topic that was deleted: it cannot be caught up with.
    if here < there and there <= tonumber(ARGV[i + 2]) then return 'behind' end
  end
end
redis.call('SET', KEYS[2], generation)
redis.call('SREM', KEYS[3], generation)
if old then redis.call('SADD', KEYS[3], old) end
redis.call('DEL', KEYS[1])
return 'applied'
