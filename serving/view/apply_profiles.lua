-- Apply records of one partition that follow the stored offset, and advance that offset.
-- KEYS: the key that must hold the generation for us to write to it.
-- ARGV: generation, what its keys begin with, milliseconds for which to extend KEYS[1] (or 0),
--       partition, offset before, offset after, wall time if nothing is lacking (or 0),
--       and the records in MessagePack, no customer twice, each a list of texts: customer id,
--       offset, timestamp, the whole profile (empty: remove the customer); and unless it is empty:
--       value of each facet and of each rank (empty for none), number of tags, what the customer
--       adds to each sum and when the next fall is (see `sums`), the cells, the trend (see `tell`),
--       the contacts with spaces between them, and the names and values of the fields, those of the tags first.
local facets, ranks, filters, measures, names = FACETS, RANKS, FILTERS, MEASURES, AXES
local generation, base, extend_ms, partition = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local before, after, current_ms, records = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
if redis.call('GET', KEYS[1]) ~= generation then return {'moved', 0, 0, 0} end
if extend_ms ~= '0' then redis.call('PEXPIRE', KEYS[1], extend_ms) end

local positions = base .. 'positions'
local stored = redis.call('HGET', positions, 'next:' .. partition)
if not stored or tonumber(stored) < tonumber(before) then return {'behind', 0, 0, 0} end

-- What changes in shared keys is gathered, so that each is written once: key -> arguments.
local joins, leaves, placed, unplaced = {}, {}, {}, {}
local function add(lists, key, part)
  local list = lists[key]
  if not list then list = {}; lists[key] = list end
  list[#list + 1] = part
end
-- Counters in the same way: key -> value -> by how much it changes.
local counted, summed = {}, {}
local function of(lists, key)
  local list = lists[key]
  if not list then list = {}; lists[key] = list end
  return list
end

-- All that a customer is counted under is a set of *cells*: a letter for the axis and the value.
-- Capitals are facets; a tag is `tag:` and its name.
local letters, by_filter = {}, {}
for i, facet in ipairs(facets) do
  letters[i] = string.char(64 + i)
  names[letters[i]] = facet
  for f, filter in ipairs(filters) do
    if filter == facet then by_filter[f] = i end
  end
end
local function split(cell)
  if string.sub(cell, 1, 4) == 'tag:' then return 'tag', string.sub(cell, 5) end
  return names[string.sub(cell, 1, 1)], string.sub(cell, 2)
end

local function cells_of(values, tags, others)
  local cells = {}
  for i, letter in ipairs(letters) do
    if values[i] and values[i] ~= '' then cells[letter .. values[i]] = true end
  end
  for _, tag in ipairs(tags) do cells[tag] = true end
  for cell in string.gmatch(others, '[^\n]+') do cells[cell] = true end
  return cells
end

local function change(cell, id, by, members)
  local axis, value = split(cell)
  if axis == 'tag' or string.byte(cell) < 97 then
    add(members, base .. axis .. ':' .. value, id)
  end
  local counts = of(counted, base .. 'counts:' .. axis)
  counts[value] = (counts[value] or 0) + by
end

-- The counts of each axis among the customers who have one value of a filter. They are gathered by
-- whole cells, since there are many.
local among = {}
local function shift(filter, value, cells, by)
  if value == '' then return end
  local counts = of(among, filter .. ':' .. value)
  for cell in pairs(cells) do counts[cell] = (counts[cell] or 0) + by end
end

-- `sums` is what a customer adds to each measure, and after a bar the next fall (or nothing). The
-- falls are summed by their instant and the tier that is lost, and of them the first measures only.
local OF_FALLS = 3
local function sum(group, value, numbers, by)
  if value == '' then return end
  local sums = of(summed, group)
  local last = group == 'fall' and OF_FALLS or #measures
  local i = 1
  for number in string.gmatch(numbers, '[^,|]+') do
    if i > last then break end
    if number ~= '0' then
      local field = measures[i] .. ':' .. value
      sums[field] = (sums[field] or 0) + by * tonumber(number)
    end
    i = i + 1
  end
end
local function sum_all(values, sums, by)
  for i, facet in ipairs(facets) do sum(facet, values[i] or '', sums, by) end
  local fall = string.match(sums, '|(.+)')
  if fall then sum('fall', fall .. ' ' .. (values[1] or ''), sums, by) end
end

-- The trend has of each month the last profile: a text of the month, a bar, orders, spend, instant
-- and score, a bar, and where all began if that was in this month (else nothing). Of what came
-- before the months that are kept, `from` has the end.
local MONTHS = 36
local function tell(key, trend)
  local month, value, beginning = string.match(trend, '^([^|]+)|([^|]+)|(.*)$')
  if not month or redis.call('HSET', key, month, value) == 0 then return end
  local fields = redis.call('HKEYS', key)
  if #fields == 1 then redis.call('HSET', key, 'from', beginning ~= '' and beginning or value) end
  if #fields > MONTHS + 1 then
    table.sort(fields)  -- months come before `from`
    redis.call('HSET', key, 'from', redis.call('HGET', key, fields[1]))
    redis.call('HDEL', key, fields[1])
  end
end

-- Of a contact that one customer has, a hash says who; customers who share one are a set, and the
-- contact is ranked by how many they are.
local function places_of(contact)
  return base .. 'contact:' .. string.sub(contact, 2, 5), base .. 'same:' .. contact,
    base .. 'shared:' .. string.sub(contact, 1, 1)
end
local function leave(contact, id)
  local single, set, shared = places_of(contact)
  if redis.call('SREM', set, id) == 0 then
    if redis.call('HGET', single, contact) == id then redis.call('HDEL', single, contact) end
    return
  end
  local size = redis.call('SCARD', set)
  if size > 1 then
    redis.call('ZADD', shared, size, contact)
  else
    redis.call('HSET', single, contact, redis.call('SMEMBERS', set)[1])
    redis.call('DEL', set)
    redis.call('ZREM', shared, contact)
  end
end
local function join(contact, id)
  local single, set, shared = places_of(contact)
  local other = redis.call('HGET', single, contact)
  if other then
    redis.call('HDEL', single, contact)
    redis.call('SADD', set, other, id)
  elseif redis.call('EXISTS', set) == 1 then
    redis.call('SADD', set, id)
  else
    redis.call('HSET', single, contact, id)
    return
  end
  redis.call('ZADD', shared, redis.call('SCARD', set), contact)
end
local function move(id, had, has)
  if had == has then return end
  for contact in string.gmatch(had, '%S+') do leave(contact, id) end
  for contact in string.gmatch(has, '%S+') do join(contact, id) end
end

local applied, removed, skipped = 0, 0, 0
local values_at = 5
local ranks_at = values_at + #facets
local tags_at = ranks_at + #ranks
local sums_at, cells_at, trend_at = tags_at + 1, tags_at + 2, tags_at + 3
local contacts_at = tags_at + 4
local first = tags_at + 5
local CELLS = 3  -- so many parts of the stored cells are read at first
for _, record in ipairs(cmsgpack.unpack(records)) do
  local id, offset, timestamp, profile = record[1], record[2], record[3], record[4]
  local removes = profile == ''
  local key = base .. 'customer:' .. id
  local old = redis.call('HMGET', key, 'partition', 'offset', 'timestamp_ms', 'sums', 'cells:0',
    'cells:1', 'cells:2', 'contacts', unpack(facets))
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
    local had, has, was, is = {}, {}, {}, {}
    local had_sums, has_sums = old[4] or '', ''
    if there then
      had = {unpack(old, 6 + CELLS, 5 + CELLS + #facets)}
      local parts, part = {old[5] or '', old[6] or '', old[7] or ''}, old[7]
      while part do
        part = redis.call('HGET', key, 'cells:' .. #parts)
        if part then parts[#parts + 1] = part end
      end
      local tags = {}
      for _, name in ipairs(redis.call('HKEYS', key)) do
        if string.sub(name, 1, 4) == 'tag:' then tags[#tags + 1] = name end
      end
      was = cells_of(had, tags, table.concat(parts))
      redis.call('DEL', key)
    end
    if not removes then
      local tags = {}
      for i = first, first + 2 * tonumber(record[tags_at]) - 1, 2 do tags[#tags + 1] = record[i] end
      has = {unpack(record, values_at, ranks_at - 1)}
      has_sums = record[sums_at]
      is = cells_of(has, tags, record[cells_at])
    end

    move(id, old[5 + CELLS] or '', removes and '' or record[contacts_at])
    local gone, come = {}, {}
    for cell in pairs(was) do
      if not is[cell] then gone[cell] = true; change(cell, id, -1, leaves) end
    end
    for cell in pairs(is) do
      if not was[cell] then come[cell] = true; change(cell, id, 1, joins) end
    end
    for f, filter in ipairs(filters) do
      local left, reached = had[by_filter[f]] or '', has[by_filter[f]] or ''
      if left == reached then
        shift(filter, left, gone, -1)
        shift(filter, left, come, 1)
      else
        shift(filter, left, was, -1)
        shift(filter, reached, is, 1)
      end
    end
    local moved = had_sums ~= has_sums
    for i = 1, #facets do moved = moved or (had[i] or '') ~= (has[i] or '') end
    if moved then
      sum_all(had, had_sums, -1)
      sum_all(has, has_sums, 1)
    end

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
      redis.call('DEL', base .. 'profile:' .. id, base .. 'trend:' .. id,
        base .. 'timeline:' .. id)
      removed = removed + 1
    else
      redis.call('HSET', key, 'partition', partition, 'offset', offset,
        'timestamp_ms', timestamp, unpack(record, first))
      redis.call('SET', base .. 'profile:' .. id, profile)
      tell(base .. 'trend:' .. id, record[trend_at])
      applied = applied + 1
    end
  end
end

for key, ids in pairs(leaves) do redis.call('SREM', key, unpack(ids)) end
for key, ids in pairs(joins) do redis.call('SADD', key, unpack(ids)) end
for key, ids in pairs(unplaced) do redis.call('ZREM', key, unpack(ids)) end
for key, pairs_of in pairs(placed) do redis.call('ZADD', key, unpack(pairs_of)) end
for group, counts in pairs(among) do
  for cell, by in pairs(counts) do
    if by ~= 0 then
      local axis, value = split(cell)
      of(counted, base .. 'counts:' .. axis .. ':' .. group)[value] = by
    end
  end
end
for key, counts in pairs(counted) do
  for value, by in pairs(counts) do
    if by ~= 0 and redis.call('ZINCRBY', key, by, value) == '0' then
      redis.call('ZREM', key, value)
    end
  end
end
for group, sums in pairs(summed) do
  local key = base .. 'sums:' .. group
  for field, by in pairs(sums) do
    if by ~= 0 and redis.call('HINCRBY', key, field, string.format('%.0f', by)) == 0 then
      redis.call('HDEL', key, field)
    end
  end
end

if tonumber(after) > tonumber(stored) then
  redis.call('HSET', positions, 'next:' .. partition, after)
end
if current_ms ~= '0' then redis.call('HSET', positions, 'current:' .. partition, current_ms) end
return {'applied', applied, removed, skipped}
