-- Count the moves of one partition that follow the stored offset, and advance that offset.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what our keys begin with, milliseconds for which to extend KEYS[1] (or 0),
--       partition, offset before, offset after, wall time if nothing is lacking (or 0),
--       milliseconds for which to keep, number of records; and for each: offset, timestamp,
--       bucket, field, sequence, effective_at, date, move, and the customer's spend in two parts.

--#include changes_head.lua

local DAY_MS = 86400000
local kept_days = math.floor(kept_ms / DAY_MS)
local function oldest_day() return math.floor(newest / DAY_MS) - kept_days + 1 end
local days = base .. 'days'
local function add_spend(date, field, part)
  if part ~= '0' then redis.call('HINCRBY', base .. 'spend:' .. date, field, part) end
end
local at = 10
for _ = 1, count do
  local at_ms, date, move = ARGV[at + 5], ARGV[at + 6], ARGV[at + 7]
  if is_news(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], at_ms) then
    local day = math.floor(tonumber(at_ms) / DAY_MS)
    if day >= oldest_day() then
      redis.call('HINCRBY', base .. 'day:' .. date, move, 1)
      add_spend(date, 'high:' .. move, ARGV[at + 8])
      add_spend(date, 'low:' .. move, ARGV[at + 9])
      redis.call('ZADD', days, whole(day), date)
    end
    applied = applied + 1
  else
    skipped = skipped + 1
  end
  at = at + 10
end
for _, date in ipairs(redis.call('ZRANGEBYSCORE', days, '-inf', '(' .. whole(oldest_day()))) do
  redis.call('UNLINK', base .. 'day:' .. date, base .. 'spend:' .. date)
  redis.call('ZREM', days, date)
end

--#include changes_tail.lua
