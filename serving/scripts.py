"""What Redis runs for the view. A script runs whole or not at all, and nothing comes between.

So a reader never sees a customer in two tiers, a crash leaves no half-applied record, and of two
projectors that believe they own a partition the one that is behind changes nothing. Keys that
follow from a customer's id are made inside; the hash tag of the prefix keeps them in one slot.
"""

from __future__ import annotations

APPLIED, MOVED, BEHIND = b"applied", b"moved", b"behind"

APPLY = """
-- Apply the records of one partition that follow a position, and move the position past them.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what its keys begin with, milliseconds for which to extend KEYS[1] (or 0),
--       partition, position before, position after, wall time if nothing is lacking (or 0),
--       number of records; and for each: customer id, offset, timestamp, tier, stage, segment,
--       number of the parts that follow, and the names and values of the fields.
local generation, base, extend_ms, partition = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local before, after, current_ms, count = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
if redis.call('GET', KEYS[1]) ~= generation then return {'moved', 0, 0, 0} end
if extend_ms ~= '0' then redis.call('PEXPIRE', KEYS[1], extend_ms) end

local positions = base .. 'positions'
local stored = redis.call('HGET', positions, 'next:' .. partition)
if not stored or tonumber(stored) < tonumber(before) then return {'behind', 0, 0, 0} end

local facets = {'tier', 'stage', 'segment'}
local applied, removed, skipped = 0, 0, 0
local at = 9
for _ = 1, count do
  local id, offset, timestamp = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local values = {ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]}
  local first = at + 7
  local last = at + 6 + tonumber(ARGV[at + 6])
  at = last + 1
  local key = base .. 'customer:' .. id
  local old = redis.call('HMGET', key, 'partition', 'offset', 'timestamp_ms', unpack(facets))
  local known = tonumber(offset) < tonumber(stored)
  if not known and old[1] then
    if old[1] == partition then
      known = tonumber(offset) <= tonumber(old[2])
    else
      known = tonumber(timestamp) < tonumber(old[3])
    end
  end
  if known then
    skipped = skipped + 1
  else
    for i, facet in ipairs(facets) do
      local was = old[3 + i]
      if was and was ~= values[i] then
        redis.call('SREM', base .. facet .. ':' .. was, id)
      end
      if values[i] ~= '' then
        redis.call('SADD', base .. facet .. ':' .. values[i], id)
      end
    end
    redis.call('DEL', key)
    if first > last then
      removed = removed + 1
    else
      redis.call('HSET', key, 'partition', partition, 'offset', offset,
        'timestamp_ms', timestamp, unpack(ARGV, first, last))
      applied = applied + 1
    end
  end
end

if tonumber(after) > tonumber(stored) then
  redis.call('HSET', positions, 'next:' .. partition, after)
end
if current_ms ~= '0' then redis.call('HSET', positions, 'current:' .. partition, current_ms) end
return {'applied', applied, removed, skipped}
"""

OPEN = """
-- The current generation, a new empty one if there is none.
-- KEYS: current, last.
local current = redis.call('GET', KEYS[1])
if current then return current end
current = tostring(redis.call('INCR', KEYS[2]))
redis.call('SET', KEYS[1], current)
return current
"""

START_REBUILD = """
-- Begin a generation beside the current one; nil if a rebuild is under way.
-- KEYS: rebuilding, last, discarded. ARGV: milliseconds until the right to fill it expires.
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local generation = tostring(redis.call('INCR', KEYS[2]))
redis.call('SET', KEYS[1], generation, 'PX', ARGV[1])
redis.call('SADD', KEYS[3], generation)  -- to delete, should this rebuild never end
return generation
"""

SWITCH = """
-- Make the rebuilt generation the current one, unless readers would see an older view than now.
-- KEYS: rebuilding, current, discarded.
-- ARGV: generation, prefix of all keys, 1 to switch in any case (else 0); then for each
--       partition the name of its places, its number and the offset at which it ends.
local generation, prefix, force = ARGV[1], ARGV[2], ARGV[3]
if redis.call('GET', KEYS[1]) ~= generation then return 'moved' end
local old = redis.call('GET', KEYS[2])
if old and force ~= '1' then
  for i = 4, #ARGV, 3 do
    local name, field = ':' .. ARGV[i], 'next:' .. ARGV[i + 1]
    local there = tonumber(redis.call('HGET', prefix .. old .. name, field) or 0)
    local here = tonumber(redis.call('HGET', prefix .. generation .. name, field) or 0)
    -- A position past the end belongs to a topic that was deleted: it cannot be caught up with.
    if here < there and there <= tonumber(ARGV[i + 2]) then return 'behind' end
  end
end
redis.call('SET', KEYS[2], generation)
redis.call('SREM', KEYS[3], generation)
if old then redis.call('SADD', KEYS[3], old) end
redis.call('DEL', KEYS[1])
return 'applied'
"""

END_REBUILD = """
-- Give up the right to fill a generation, if it is still ours.
-- KEYS: rebuilding. ARGV: generation.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
