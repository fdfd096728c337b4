-- Sets seats, areas and the buyer's count to PostgreSQL's facts, and ends the hold behind them.
-- A fact older than the known one is skipped, so settling twice or out of order is harmless.
-- ARGV: hold_id ('' for none), outcome ('booked', 'expired', 'kept' = back to the buyer, '' = leave),
-- seats "no:digit:version,…", areas "no:sold:version,…", buyer "id:sold:version",
-- force '1' = also correct a digit whose version is already known (reconciliation), news = JSON for the
-- buyer's open connections ('' for none).
-- Reply: {'settled', changed} or {'rebuild'}.
local meta = redis.call('HMGET', META, 'epoch', 'seat_count', 'area_count', 'waiting', 'lasting', 'owned', 'buyers')
if not (is_whole(meta) and meta[5] and meta[6] and meta[7]) then return { 'rebuild' } end
local id, outcome, force = ARGV[1], ARGV[2], ARGV[6] == '1'
local now = now_ms()
local hold = id ~= '' and read_hold(id) or nil
local keeps = outcome == 'kept' and is_live(hold)
if keeps and hold.state == 'paying' then
  remember_decline(id, hold, now)
  -- Stolen cards can be tested on any seat, so the hold ends after this many declines.
  if hold.declines >= DECLINES_OF_HOLD_MAX then outcome, keeps = 'expired', false end
end
local PUBLIC = { ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '1', ['5'] = '1' }
local LASTS = { ['0'] = 0, ['1'] = 0, ['2'] = 1, ['3'] = 1, ['4'] = 0, ['5'] = 0 }
local groups, areas, changed = {}, {}, 0
local waits, kept = meta[4] == '1', false
local lasting, owned, buyers = tonumber(meta[5]), tonumber(meta[6]), tonumber(meta[7])
-- The same as BITCOUNT. Versions are small.
local function count_bits(number)
  local bits = 0
  while number > 0 do
    local half = math.floor(number / 2)
    bits, number = bits + number - 2 * half, half
  end
  return bits
end

for no, digit, version in string.gmatch(ARGV[3], '(%d+):(%d):(%d+)') do
  local at = 4 * no
  local stored = redis.call('GETRANGE', VERSIONS, at, at + 3)
  version, stored = tonumber(version), #stored == 4 and struct.unpack('>I4', stored) or 0
  if version > stored or (force and version == stored) then
    local owner = redis.call('HGET', OWNERS, no)
    if digit == '0' and owner == id and keeps then digit = '1'
    elseif digit == '0' and owner and owner ~= id then digit = nil -- another hold has it by now
    elseif digit == '5' and owner then digit = '5'
    elseif owner then redis.call('HDEL', OWNERS, no) end
    redis.call('SETRANGE', VERSIONS, at, struct.pack('>I4', version))
    lasting = lasting + count_bits(version) - count_bits(stored)
    local before = redis.call('GETRANGE', SEATS, no, no)
    -- Seats returned while people wait are offered to them first; seats on sale stay on sale.
    if digit == '0' and waits and before ~= '0' then digit = '4'; kept = true end
    if digit and digit ~= before then
      redis.call('SETRANGE', SEATS, no, digit)
      lasting = lasting + LASTS[digit] - LASTS[before]
      changed = changed + 1
      local shown = PUBLIC[digit]
      if shown ~= PUBLIC[before] then
        groups[shown] = groups[shown] or {}
        table.insert(groups[shown], no)
      end
    end
  end
end

-- Places on sale before; areas that the event does not have are skipped.
local before_sale = {}
local function note_sale(no) before_sale[no] = before_sale[no] or area_available(no) end
for no in string.gmatch(ARGV[4], '(%d+):%d+:%d+') do note_sale(no) end
if is_live(hold) then
  for no in string.gmatch(hold.areas, '(%d+):') do note_sale(no) end
end

for no, sold, version in string.gmatch(ARGV[4], '(%d+):(%d+):(%d+)') do
  local f = redis.call('HMGET', AREAS, no .. ':version', no .. ':sold')
  if tonumber(version) > tonumber(f[1] or 0) then
    redis.call('HSET', AREAS, no .. ':sold', sold, no .. ':version', version)
    lasting = lasting + sold - (f[2] or 0) + version - (f[1] or 0)
    if sold ~= f[2] then areas[no] = true; changed = changed + 1 end
  end
end

local buyer, sold, version = string.match(ARGV[5], '^([^:]+):(%d+):(%d+)$')
if buyer then
  local known = redis.call('HGET', BUYERS, 'o:' .. buyer)
  if tonumber(version) > tonumber(known and string.match(known, ':(%d+)$') or 0) then
    redis.call('HSET', BUYERS, 'o:' .. buyer, sold .. ':' .. version)
    local sold_before, version_before = string.match(known or '0:0', '^(%d+):(%d+)$')
    owned = owned + sold - sold_before + version - version_before
    if not known then buyers = buyers + 1 end
  end
end
if force then
  -- A correction is of a change that did not update the sum.
  lasting = sum_lasting(count_digits(redis.call('GET', SEATS) or ''), redis.call('HGETALL', AREAS))
end
redis.call('HSET', META, 'lasting', lasting, 'owned', owned, 'buyers', buyers)

if is_live(hold) then
  if keeps then
    if hold.state == 'paying' then
      for n in string.gmatch(hold.seats, '%d+') do
        if redis.call('HGET', OWNERS, n) == id then redis.call('SETRANGE', SEATS, n, '1') end
      end
      change_state(id, hold, 'held')
      redis.call('ZADD', DUE, hold.expires, id)
    end
  elseif outcome ~= '' then
    local freed = {}
    end_hold(id, hold, outcome, now, freed, areas)
    if #freed > 0 then
      groups['0'] = groups['0'] or {}
      for _, n in ipairs(freed) do table.insert(groups['0'], n) end
    end
  end
end
-- While people wait no places go on sale here, in whatever order sales and cancellations arrive.
if waits then
  for no, before in pairs(before_sale) do
    local more = area_available(no) - before
    if more > 0 then keep_places(no, more); kept = true end
  end
end
if kept then stir() end
publish(now, groups, areas)
if buyer and (ARGV[7] or '') ~= '' then tell(buyer, ARGV[7]) end
return { 'settled', changed }
