-- Whether the event's state in Redis is whole: types, lengths, counts, and the sums that the scripts keep.
-- It reads only; an error is damage, too. Facts that need PostgreSQL are compared by reconciliation.
-- Reply: {'whole', epoch, seq}, {'damaged', what} or {'rebuild'}.
local HOLDS_MAX, BUYERS_MAX = 500, 1000
local meta = redis.call('HMGET', META, 'epoch', 'seq', 'seal', 'lasting', 'seat_count', 'area_count', 'waiting',
  'in_line', 'stirred', 'owned', 'buyers')
if redis.call('EXISTS', META) == 0 then return { 'rebuild' } end
for i = 1, 11 do
  if not meta[i] or i ~= 3 and not tonumber(meta[i]) then return { 'damaged', 'meta' } end
end
if meta[3] ~= seal() then return { 'damaged', 'meta' } end
if not is_whole() then return { 'damaged', 'lengths' } end
local seats = read_seats(meta[5])
if not seats then return { 'damaged', 'seats' } end
local counts, areas = count_digits(seats), redis.call('HGETALL', AREAS)
if sum_lasting(counts, areas) ~= tonumber(meta[4]) then return { 'damaged', 'what is lasting' } end
-- Networks: only the types and the numbers; their sums are recounted by reconciliation.
for _, count in ipairs(redis.call('HVALS', NETWORKS)) do
  if (tonumber(count) or 0) < 1 then return { 'damaged', 'networks' } end
end
redis.call('HLEN', CONDUCT)
redis.call('HLEN', RESTS)
local in_line = redis.call('ZCARD', LINE)
local waits = meta[7] == '1'
if in_line ~= tonumber(meta[8]) or in_line > 0 and not waits then return { 'damaged', 'line' } end

-- The claims of all live holds, or of a different part of many each time.
local live, in_areas, by_buyer = {}, {}, {}
local due_count, first, last = redis.call('ZCARD', DUE), 0, -1
local all = due_count <= HOLDS_MAX
if not all then
  first = redis.call('TIME')[2] % (due_count - HOLDS_MAX + 1)
  last = first + HOLDS_MAX - 1
end
local due = redis.call('ZRANGE', DUE, first, last, 'WITHSCORES')
for i = 1, #due, 2 do
  local id = due[i]
  local hold = read_hold(id)
  if not (has_claims(hold) and is_sound(hold)) then return { 'damaged', 'hold ' .. id } end
  -- A payment that takes longer is due later than its deadline.
  local late = due[i + 1] - hold.expires
  if hold.state == 'paying' and late < PAYMENT_GRACE_MS or hold.state ~= 'paying' and late ~= 0 then
    return { 'damaged', 'due' }
  end
  live[id] = hold
  for no, places in string.gmatch(hold.areas, '(%d+):(%d+)') do in_areas[no] = (in_areas[no] or 0) + places end
  by_buyer['h:' .. hold.owner] = (by_buyer['h:' .. hold.owner] or 0) + hold.quantity
end
for no = 0, meta[6] - 1 do
  local f = redis.call('HMGET', AREAS, no .. ':capacity', no .. ':sold', no .. ':version', no .. ':held', no .. ':kept')
  if not (f[1] and f[2] and f[3]) or not tonumber(f[4])
    or all and tonumber(f[4]) ~= (in_areas[tostring(no)] or 0) then
    return { 'damaged', 'area ' .. no }
  end
  if (tonumber(f[5] or 0) or -1) < 0 then return { 'damaged', 'area ' .. no } end
end
if redis.call('HLEN', BUYERS) > BUYERS_MAX or not all then
  if redis.call('HLEN', BUYERS) < tonumber(meta[11]) then return { 'damaged', 'buyers' } end
  for field in pairs(by_buyer) do
    if redis.call('HEXISTS', BUYERS, field) == 0 then return { 'damaged', 'buyers' } end
  end
else
  local buyers = redis.call('HGETALL', BUYERS)
  local owned, count = sum_owned(buyers)
  if owned ~= tonumber(meta[10]) or count ~= tonumber(meta[11]) then return { 'damaged', 'buyers' } end
  for i = 1, #buyers, 2 do
    if string.byte(buyers[i]) == 104 then -- h
      if tonumber(buyers[i + 1]) ~= by_buyer[buyers[i]] then return { 'damaged', 'buyers' } end
      by_buyer[buyers[i]] = nil
    end
  end
  if next(by_buyer) then return { 'damaged', 'buyers' } end
end

-- Every claimed seat leads to the hold that claims it, and shows its state.
local owners, owner_of, shown = redis.call('HGETALL', OWNERS), {}, { held = 0, offered = 0 }
local owned, holders = {}, 0
for i = 1, #owners, 2 do
  local n, id = owners[i], owners[i + 1]
  local digit = string.byte(seats, n + 1)
  if not owned[id] then owned[id], holders = 0, holders + 1 end
  owner_of[n], owned[id] = id, owned[id] + 1
  local hold = live[id]
  if not hold and all then return { 'damaged', 'owners' } end
  if digit == 52 then shown.offered = shown.offered + 1
  elseif digit == 49 then shown.held = shown.held + 1
  elseif digit ~= 53 then return { 'damaged', 'owners' } end
  if hold and (digit == 52) ~= (hold.state == 'offered') then return { 'damaged', 'owners' } end
end
if holders > due_count then return { 'damaged', 'due' } end
for id, hold in pairs(live) do
  local left, claims = owned[id] or 0, hold.state == 'offered' and '4' or '[15]'
  for n in string.gmatch(hold.seats, '%d+') do
    if owner_of[n] == id then left = left - 1
    elseif not owner_of[n] and string.find(string.sub(seats, n + 1, n + 1), claims) then
      return { 'damaged', 'owners' }
    end
  end
  if left > 0 then return { 'damaged', 'owners' } end
end
if counts[49] ~= shown.held or not waits and counts[52] ~= shown.offered then return { 'damaged', 'seats' } end
return { 'whole', meta[1], meta[2] }
