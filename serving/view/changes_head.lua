-- The beginning of both scripts that apply changes.
-- An output may be delivered more than once, so the newest sequence of each customer is stored with
-- the data, in the same step: what is not newer changes nothing, however often it comes. For an
-- erased customer `erased:` and when that was written stand in its place, until there is a profile
-- written later: who was erased by retention may come back.
local generation, base, extend_ms, partition = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local before, after, current_ms = ARGV[5], ARGV[6], ARGV[7]
local kept_ms, count = tonumber(ARGV[8]), tonumber(ARGV[9])
if redis.call('GET', KEYS[1]) ~= generation then return {'moved', 0, 0} end
if extend_ms ~= '0' then redis.call('PEXPIRE', KEYS[1], extend_ms) end

local positions = base .. 'positions'
local stored = redis.call('HGET', positions, 'next:' .. partition)
if not stored or tonumber(stored) < tonumber(before) then return {'behind', 0, 0} end
stored = tonumber(stored)
local NEVER = -100000000000000
local newest = tonumber(redis.call('HGET', positions, 'newest') or NEVER)
local gap = redis.call('HEXISTS', positions, 'gap:' .. partition) == 1
local applied, skipped = 0, 0

local function whole(number) return string.format('%.0f', number) end

local function is_news(offset, timestamp, bucket, field, sequence, at_ms, profile_ms)
  if tonumber(offset) < stored then return false end
  if gap then  -- what was removed before this record was written before it, too
    gap = false
    redis.call('HDEL', positions, 'gap:' .. partition)
    redis.call('HSET', positions, 'gone:' .. partition, timestamp)
  end
  if tonumber(at_ms) > newest then newest = tonumber(at_ms) end
  local seen = base .. 'seen:' .. bucket
  local last = redis.call('HGET', seen, field)
  local erased_ms = last and string.match(last, '^erased:(.*)')
  if erased_ms then
    if not profile_ms or tonumber(profile_ms) <= tonumber(erased_ms) then return false end
  elseif last and tonumber(last) >= tonumber(sequence) then
    return false
  end
  redis.call('HSET', seen, field, sequence)
  return true
end
