-- Apply records of one partition that follow the stored offset, and advance that offset.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what its keys begin with, milliseconds for which to extend KEYS[1] (or 0),
--       partition, offset before, offset after, wall time if nothing is lacking (or 0),
--       and the records in MessagePack, no customer twice, each a list of texts: customer id,
--       offset, timestamp, the whole profile (empty: remove the customer); and unless it is empty:
--       value of each facet and of each rank (empty for none), number of tags, and the names and
--       values of the fields, those of the tags first.
local facets, ranks = FACETS, RANKS
local generation, base, extend_ms, partition = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local before, after, current_ms, records = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
if redis.call('GET', KEYS[1]) ~= generation then return {'moved', 0, 0, 0} end
if extend_ms ~= '0' then redis.call('PEXPIRE', KEYS[1], extend_ms) end

local positions = base .. 'positions'
local stored = redis.call('HGET', positions, 'next:' .. partition)
if not stored or tonumber(stored) < tonumber(before) then return {'behind', 0, 0, 0} end

-- What changes in shared keys is gathered, so that each is written once: key -> arguments.
local joins, leaves, placed, unplaced, moves = {}, {}, {}, {}, {}
local function add(lists, key, part)
  local list = lists[key]
  if not list then list = {}; lists[key] = list end
  list[#list + 1] = part
end
local function move(facet, value, by)
  local counts = moves[facet]
  if not counts then counts = {}; moves[facet] = counts end
  counts[value] = (counts[value] or 0) + by
end
local function join(facet, value, id)
  add(joins, base .. facet .. ':' .. value, id)
  move(facet, value, 1)
end
local function leave(facet, value, id)
  add(leaves, base .. facet .. ':' .. value, id)
  move(facet, value, -1)
end

local applied, removed, skipped = 0, 0, 0
local values_at = 5
local ranks_at = values_at + #facets
local tags_at = ranks_at + #ranks
local first = tags_at + 1
for _, record in ipairs(cmsgpack.unpack(records)) do
  local id, offset, timestamp, profile = record[1], record[2], record[3], record[4]
  local removes = profile == ''
  local key = base .. 'customer:' .. id
  local old = redis.call('HMGET', key, 'partition', 'offset', 'timestamp_ms', unpack(facets))
  local there = old[1]
  local known = tonumber(offset) < tonumber(stored)
  if not known and there then
    if there == partition then
      known = tonumber(offset) <= tonumber(old[2])
    else
      known = tonumber(timestamp) < tonumber(old[3])
    end
  end
  if known then
    skipped = skipped + 1
  else
    for i, facet in ipairs(facets) do
      local was = old[3 + i] or ''
      local is = removes and '' or record[values_at + i - 1]
      if was ~= is then
        if was ~= '' then leave(facet, was, id) end
        if is ~= '' then join(facet, is, id) end
      end
    end
    local tagged = {}
    if not removes then
      for i = first, first + 2 * tonumber(record[tags_at]) - 1, 2 do tagged[record[i]] = true end
    end
    if there then
      for _, name in ipairs(redis.call('HKEYS', key)) do
        if string.sub(name, 1, 4) == 'tag:' then
          if tagged[name] then
            tagged[name] = nil
          else
            leave('tag', string.sub(name, 5), id)
          end
        end
      end
      redis.call('DEL', key)
    end
    for name in pairs(tagged) do join('tag', string.sub(name, 5), id) end
    for i, rank in ipairs(ranks) do
      local value = removes and '' or record[ranks_at + i - 1]
      if value ~= '' then
        add(placed, base .. 'rank:' .. rank, value)
        add(placed, base .. 'rank:' .. rank, id)
      elseif there then
        add(unplaced, base .. 'rank:' .. rank, id)
      end
    end
    if removes then
      redis.call('DEL', base .. 'profile:' .. id)
      removed = removed + 1
    else
      redis.call('HSET', key, 'partition', partition, 'offset', offset,
        'timestamp_ms', timestamp, unpack(record, first))
      redis.call('SET', base .. 'profile:' .. id, profile)
      applied = applied + 1
    end
  end
end

for key, ids in pairs(leaves) do redis.call('SREM', key, unpack(ids)) end
for key, ids in pairs(joins) do redis.call('SADD', key, unpack(ids)) end
for key, ids in pairs(unplaced) do redis.call('ZREM', key, unpack(ids)) end
for key, pairs_of in pairs(placed) do redis.call('ZADD', key, unpack(pairs_of)) end
for facet, counts in pairs(moves) do
  local key = base .. 'counts:' .. facet
  for value, by in pairs(counts) do
    if by ~= 0 and redis.call('ZINCRBY', key, by, value) == '0' then
      redis.call('ZREM', key, value)
    end
  end
end

if tonumber(after) > tonumber(stored) then
  redis.call('HSET', positions, 'next:' .. partition, after)
end
if current_ms ~= '0' then redis.call('HSET', positions, 'current:' .. partition, current_ms) end
return {'applied', applied, removed, skipped}
