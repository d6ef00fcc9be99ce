-- Store the levels of one partition that follow the stored offset, and advance that offset.
-- KEYS, ARGV: as for the moves up to the number of records, then how long Kafka surely keeps the
--       record that erases a customer, what the keys of customers' profiles begin with, and for
--       each: offset, timestamp, bucket, field, sequence, effective_at, customer id, level.

--#include changes_head.lua

local removals_kept_ms, profiles = tonumber(ARGV[10]), ARGV[11]
local known_ms = tonumber(redis.call('HGET', positions, 'known:' .. partition) or '0')
local levels = {'active', 'at_risk', 'dormant', 'churned'}
local function reached(level) return base .. 'reached:' .. level end

-- The profiles were complete long after this record was written, and this customer has none:
-- the record of the erasure is gone from Kafka.
local function was_erased(timestamp, profile_ms)
  return tonumber(timestamp) < known_ms - removals_kept_ms and not profile_ms
end

local at = 12
for _ = 1, count do
  local at_ms, id, level = ARGV[at + 5], ARGV[at + 6], ARGV[at + 7]
  local profile_ms = redis.call('HGET', profiles .. id, 'timestamp_ms')
  if is_news(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], at_ms,
      profile_ms) then
    for _, other in ipairs(levels) do redis.call('ZREM', reached(other), id) end
    if tonumber(at_ms) > newest - kept_ms and not was_erased(ARGV[at + 1], profile_ms) then
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

--#include changes_tail.lua
