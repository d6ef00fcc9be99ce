-- Add entries to the timelines of customers, in the order of their sequence, each once.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what its keys begin with, how long Kafka surely keeps the record that erases a
--       customer, how many entries a timeline keeps, and for each entry: partition, timestamp,
--       bucket, field, sequence, customer id, text.
-- Whether a customer was erased is known by a mark, until there is a profile that was written later;
-- or, where Kafka has the record of the erasure no more, by the missing profile.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'moved', 0} end
local base, removals_kept_ms, kept = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local known = {}
local function known_ms(partition)
  if not known[partition] then
    local found = redis.call('HGET', base .. 'levels:positions', 'known:' .. partition)
    known[partition] = tonumber(found or '0')
  end
  return known[partition]
end

local function is_there(partition, timestamp, bucket, field, id)
  local erased_ms = tonumber(redis.call('HGET', base .. 'timeline:erased:' .. bucket, field))
  local profile_ms = tonumber(redis.call('HGET', base .. 'customer:' .. id, 'timestamp_ms'))
  if erased_ms then
    return profile_ms and profile_ms > erased_ms and tonumber(timestamp) > erased_ms
  end
  return profile_ms or tonumber(timestamp) >= known_ms(partition) - removals_kept_ms
end

local function number_of(entry) return tonumber(string.match(entry, '^%d+')) end

local function insert(key, sequence, text)
  local entry, number = sequence .. ' ' .. text, tonumber(sequence)
  local last = redis.call('LINDEX', key, -1)
  if not last or number_of(last) < number then
    redis.call('RPUSH', key, entry)
  else
    local all = redis.call('LRANGE', key, 0, -1)
    local i = #all
    while i > 0 and number_of(all[i]) > number do i = i - 1 end
    if i > 0 and number_of(all[i]) == number then return 0 end
    if i == 0 and #all >= kept then return 0 end
    redis.call('LINSERT', key, 'BEFORE', all[i + 1], entry)
  end
  redis.call('LTRIM', key, -kept, -1)
  return 1
end

local added = 0
for at = 5, #ARGV, 7 do
  local partition, timestamp, bucket, field = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local sequence, id, text = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]
  if is_there(partition, timestamp, bucket, field, id) then
    added = added + insert(base .. 'timeline:' .. id, sequence, text)
  end
end
return {'applied', added}
