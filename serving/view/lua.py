"""What Redis runs for the changes, whole or not at all.

An output may be delivered more than once, so each customer's newest sequence is kept with the
data and moved in the same step: what is not newer changes nothing, however often it comes. For a
customer who was erased, `erased` stands in its place.
"""

from __future__ import annotations

_HEAD = """
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

local function is_news(offset, timestamp, bucket, field, sequence, at_ms)
  if tonumber(offset) < stored then return false end
  if gap then  -- what was removed before this record was written before it, too
    gap = false
    redis.call('HDEL', positions, 'gap:' .. partition)
    redis.call('HSET', positions, 'gone:' .. partition, timestamp)
  end
  if tonumber(at_ms) > newest then newest = tonumber(at_ms) end
  local seen = base .. 'seen:' .. bucket
  local last = redis.call('HGET', seen, field)
  if last and (last == 'erased' or tonumber(last) >= tonumber(sequence)) then return false end
  redis.call('HSET', seen, field, sequence)
  return true
end
"""

_TAIL = """
if newest > NEVER then redis.call('HSET', positions, 'newest', whole(newest)) end
if tonumber(after) > stored then redis.call('HSET', positions, 'next:' .. partition, after) end
if current_ms ~= '0' then redis.call('HSET', positions, 'current:' .. partition, current_ms) end
return {'applied', applied, skipped}
"""

APPLY_MOVES = f"""
-- Count the moves of one partition that follow a position, and move the position past them.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what our keys begin with, milliseconds for which to extend KEYS[1] (or 0),
--       partition, position before, position after, wall time if nothing is lacking (or 0),
--       milliseconds for which to keep, number of records; and for each: offset, timestamp,
--       bucket, field, sequence, effective_at, date, move.
{_HEAD}
local DAY_MS = 86400000
local kept_days = math.floor(kept_ms / DAY_MS)
local function oldest_day() return math.floor(newest / DAY_MS) - kept_days + 1 end
local days = base .. 'days'
local at = 10
for _ = 1, count do
  local at_ms, date, move = ARGV[at + 5], ARGV[at + 6], ARGV[at + 7]
  if is_news(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], at_ms) then
    local day = math.floor(tonumber(at_ms) / DAY_MS)
    if day >= oldest_day() then
      redis.call('HINCRBY', base .. 'day:' .. date, move, 1)
      redis.call('ZADD', days, whole(day), date)
    end
    applied = applied + 1
  else
    skipped = skipped + 1
  end
  at = at + 8
end
for _, date in ipairs(redis.call('ZRANGEBYSCORE', days, '-inf', '(' .. whole(oldest_day()))) do
  redis.call('UNLINK', base .. 'day:' .. date)
  redis.call('ZREM', days, date)
end
{_TAIL}"""

APPLY_LEVELS = f"""
-- Note the levels of one partition that follow a position, and move the position past them.
-- KEYS, ARGV: as for the moves up to the number of records, then how long Kafka surely keeps the
--       record that erases a customer, what the keys of customers' profiles begin with, and for
--       each: offset, timestamp, bucket, field, sequence, effective_at, customer id, level.
{_HEAD}
local removals_kept_ms, profiles = tonumber(ARGV[10]), ARGV[11]
local known_ms = tonumber(redis.call('HGET', positions, 'known:' .. partition) or '0')
local levels = {{'active', 'at_risk', 'dormant', 'churned'}}
local function reached(level) return base .. 'reached:' .. level end

-- The profiles were whole long after this record was written, and have none of this customer:
-- the record that erased it is gone from Kafka.
local function was_erased(id, timestamp)
  return tonumber(timestamp) < known_ms - removals_kept_ms
    and redis.call('EXISTS', profiles .. id) == 0
end

local at = 12
for _ = 1, count do
  local at_ms, id, level = ARGV[at + 5], ARGV[at + 6], ARGV[at + 7]
  if is_news(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], at_ms) then
    for _, other in ipairs(levels) do redis.call('ZREM', reached(other), id) end
    if tonumber(at_ms) > newest - kept_ms and not was_erased(id, ARGV[at + 1]) then
      redis.call('ZADD', reached(level), at_ms, id)
    end
    applied = applied + 1
  else
    skipped = skipped + 1
  end
  at = at + 8
end
for _, level in ipairs(levels) do
  -- Some at a time: readers leave out what is too old anyway.
  local old = redis.call('ZRANGEBYSCORE', reached(level), '-inf', whole(newest - kept_ms),
    'LIMIT', 0, 500)
  if #old > 0 then redis.call('ZREM', reached(level), unpack(old)) end
end
{_TAIL}"""

FORGET = """
-- Take customers away and let nothing bring them back.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what our keys begin with, and for each: bucket, field, customer id.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'moved'} end
local base = ARGV[2]
for at = 3, #ARGV, 3 do
  redis.call('HSET', base .. 'seen:' .. ARGV[at], ARGV[at + 1], 'erased')
  for _, level in ipairs({'active', 'at_risk', 'dormant', 'churned'}) do
    redis.call('ZREM', base .. 'reached:' .. level, ARGV[at + 2])
  end
end
return {'applied'}
"""

NOTE_KNOWN = """
-- Note that the profiles of some partitions were whole at a time.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what our keys begin with, the time, and the partitions.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'moved'} end
for at = 4, #ARGV do redis.call('HSET', ARGV[2] .. 'positions', 'known:' .. ARGV[at], ARGV[3]) end
return {'applied'}
"""
