"""What Redis runs for the view. A script runs whole or not at all, and nothing comes between.

So a reader never sees a customer in two tiers, a crash leaves no half-applied record, and of two
projectors that believe they own a partition the one that is behind changes nothing. Keys that
follow from a customer's id are made inside; the hash tag of the prefix keeps them in one slot.
"""

from __future__ import annotations

APPLIED, MOVED, BEHIND = b"applied", b"moved", b"behind"

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
