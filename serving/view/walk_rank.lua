-- Check customers of a rank in its order, and return those for whom all filters hold.
-- KEYS: the rank.
-- ARGV: 1 for descending order (else 0), lowest and highest value, value and id of the customer to
--       continue after (or two empty texts), the most customers to check and to return; then in
--       MessagePack: for each filter by facet the keys of its sets, and for each filter by rank its
--       key and bounds.
-- Returns ids and values of those kept in turn, value and id of the last one looked at (or kept,
-- if those are enough), and 1 if nobody is left (else 0).
local rank, down, low, high = KEYS[1], ARGV[1] == '1', ARGV[2], ARGV[3]
local value, id, steps, limit = ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local any_of, between = cmsgpack.unpack(ARGV[8]), cmsgpack.unpack(ARGV[9])

local function below(bound) return redis.call('ZCOUNT', rank, '-inf', bound) end

-- Redis orders equal values by the bytes of the ids; Lua's own order depends on the locale.
local function precedes(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- How many customers come before that customer; with that one included if `with`.
local function before(with)
  local from, to = below('(' .. value), below(value)
  while from < to do
    local middle = math.floor((from + to) / 2)
    local member = redis.call('ZRANGE', rank, middle, middle)[1]
    if precedes(member, id) or (with and member == id) then
      from = middle + 1
    else
      to = middle
    end
  end
  return from
end

local first = low == '-inf' and 0 or below('(' .. low)
local last = below(high) - 1
if value ~= '' then
  if down then
    last = math.min(last, before(false) - 1)
  else
    first = math.max(first, before(true))
  end
end
if first > last then return {{}, value, id, 1} end

local from, to = first, math.min(last, first + steps - 1)
if down then from, to = math.max(first, last - steps + 1), last end
local done = (down and from == first) or (not down and to == last)
local seen = redis.call('ZRANGE', rank, from, to, 'WITHSCORES')
local ids, values = {}, {}
if down then
  for i = #seen - 1, 1, -2 do ids[#ids + 1] = seen[i]; values[seen[i]] = seen[i + 1] end
else
  for i = 1, #seen, 2 do ids[#ids + 1] = seen[i]; values[seen[i]] = seen[i + 1] end
end
local end_id = ids[#ids]

local function keep(marks)
  local kept = {}
  for i, candidate in ipairs(ids) do
    if marks[i] then kept[#kept + 1] = candidate end
  end
  ids = kept
end
for _, sets in ipairs(any_of) do
  if #ids == 0 then break end
  local marks = {}
  for _, set in ipairs(sets) do
    for i, found in ipairs(redis.call('SMISMEMBER', set, unpack(ids))) do
      if found == 1 then marks[i] = true end
    end
  end
  keep(marks)
end
for _, range in ipairs(between) do
  if #ids == 0 then break end
  local marks = {}
  local least, most = tonumber(range[2]), tonumber(range[3])
  for i, found in ipairs(redis.call('ZMSCORE', range[1], unpack(ids))) do
    local number = found and tonumber(found)
    if number and (not least or number >= least) and (not most or number <= most) then
      marks[i] = true
    end
  end
  keep(marks)
end

local hits = {}
for i, hit in ipairs(ids) do
  if i > limit then break end
  hits[#hits + 1] = hit
  hits[#hits + 1] = values[hit]
end
if #ids >= limit then
  done = done and #ids == limit
  end_id = ids[limit]
end
return {hits, values[end_id], end_id, done and 1 or 0}
