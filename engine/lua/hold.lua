-- Claims all the wanted seats and places, within the buyer's limit, or nothing.
-- ARGV: hold_id, owner, seats "17,18", areas "0:2,1:1", quantity, fresh ('1': the id was made for this
-- request, so no other hold can have it); if the seats were chosen for the buyer: the wish, the relaxed
-- conditions, and the prices by which they were chosen ('' for any); then the network that asks ('': one
-- without limits), the unpaid places that a network may always have, and its share of the house.
-- Reply: {'held', prices, expires, state} (also for a retry of the same hold, then with its seats and the
-- relaxed conditions, if they were chosen for the buyer); or {'rebuild'}, {'closed', status}, {'taken', seats,
-- areas}, {'limit', limit, owned}, {'no-such', seats, areas}, {'foreign'} (the id belongs to another request),
-- {'repriced'} (other prices are in force); because of the network: {'crowded', cap, held}, {'paused', ms},
-- {'resting', seats, ms}.
local id, owner, wanted_seats, wanted_areas, quantity = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local wish, relaxed, chosen_by = ARGV[7] or '', ARGV[8] or '', ARGV[9] or ''
local network = ARGV[10] or ''
local meta = redis.call('HMGET', META, 'epoch', 'status', 'seat_count', 'buyer_limit', 'hold_ttl_ms', 'prices',
  'seen_by', 'asked_by', 'house', 'left', 'area_count', 'seq')
-- Damage is found before anything is written, here and by the order of the writes: a key of another type
-- stops the first write to it, when only the deadline of a hold that does not exist yet is written.
if not (meta[1] and meta[2] and meta[6] and tonumber(meta[12])) then return { 'rebuild' } end

local existing = ARGV[6] ~= '1' and read_hold(id)
if existing then
  local same = existing.owner == owner and (existing.wish or '') == wish
  if not same or wish == '' and (existing.seats ~= wanted_seats or existing.areas ~= wanted_areas) then
    return { 'foreign' }
  end
  local again = { 'held', existing.prices, existing.expires, existing.state }
  if wish ~= '' then again[5], again[6] = existing.seats, existing.relaxed end
  return again
end
if meta[2] ~= 'on_sale' then return { 'closed', meta[2] } end
if chosen_by ~= '' and chosen_by ~= meta[6] then return { 'repriced' } end

local now = now_ms()
if network ~= '' or is_watched() then
  redis.call('HSET', META, 'seen_by', with_last(meta[7], network == '' and '-' or network, now),
    'asked_by', with_last(meta[8], owner, now))
end
local seat_count = tonumber(meta[3])
local seats = {}
for n in string.gmatch(wanted_seats, '%d+') do seats[#seats + 1] = n end

local damaged = false
local function lacking()
  local missing, taken, short = {}, {}, {}
  for _, n in ipairs(seats) do
    if tonumber(n) >= seat_count then missing[#missing + 1] = n
    else
      local digit = redis.call('GETRANGE', SEATS, n, n)
      if digit ~= '0' then
        taken[#taken + 1] = n
        damaged = damaged or not string.find(digit, '^[1-5]$')
      end
    end
  end
  for no, places in string.gmatch(wanted_areas, '(%d+):(%d+)') do
    local available = area_available(no)
    if not available then
      missing[#missing + 1] = 'a' .. no
      damaged = damaged or tonumber(no) < tonumber(meta[11])
    elseif available < tonumber(places) then short[#short + 1] = no end
  end
  return missing, taken, short
end

local missing, taken, short = lacking()
if #missing == 0 and #taken + #short > 0 then
  -- The obstacle may be a due hold that no worker has freed yet.
  local freed, areas = {}, {}
  free_due(now, 100, freed, areas)
  if #freed > 0 or next(areas) then
    publish(now, { ['0'] = freed }, areas)
    missing, taken, short = lacking()
  end
end
if damaged then return { 'rebuild' } end
if #missing > 0 then return { 'no-such', table.concat(missing, ',') } end
if #taken + #short > 0 then return { 'taken', table.concat(taken, ','), table.concat(short, ',') } end

local mine = redis.call('HMGET', BUYERS, 'h:' .. owner, 'o:' .. owner, 'l:' .. owner)
local owned = tonumber(mine[1] or 0) + tonumber(mine[2] and string.match(mine[2], '^%d+') or 0)
if owned + quantity > tonumber(meta[4]) then return { 'limit', meta[4], owned } end

local function places_of_house()
  if meta[9] then return tonumber(meta[9]) end
  local house = seat_count
  for no = 0, meta[11] - 1 do
    house = house + (redis.call('HGET', AREAS, no .. ':capacity') or 0)
  end
  redis.call('HSET', META, 'house', house)
  return house
end

-- Free places, up to a second old: counting them takes time in proportion to the house.
local function places_left()
  local left, at = string.match(meta[10] or '', '^(%d+) (%d+)$')
  if left and now - at < 1000 then
    redis.call('HSET', META, 'left', string.format('%d %d', math.max(0, left - quantity), at))
    return tonumber(left)
  end
  local _, free = string.gsub(redis.call('GET', SEATS) or '', '0', '')
  for no = 0, meta[11] - 1 do free = free + area_available(no) end
  redis.call('HSET', META, 'left', string.format('%d %d', math.max(0, free - quantity), now))
  return free
end

-- Refuses places that the network may not have at present.
local function refusal_of_network()
  local known = redis.call('HMGET', NETWORKS, 'h:' .. network, 'p:' .. network)
  local held, paying = tonumber(known[1] or 0), tonumber(known[2] or 0)
  local most = math.max(tonumber(ARGV[11]), math.floor(ARGV[12] * places_of_house()))
  -- Half of its allowance may lapse; each lapsed place beyond costs two seconds, at most five minutes.
  local conduct = read_conduct('n:' .. network, now)
  local pause_ms = math.min(300000, 2000 * (conduct.lapsed - most / 2)) - (now - conduct.lapsed_at)
  if pause_ms > 0 then return { 'paused', math.ceil(pause_ms) } end
  local cap = most
  -- While others want places, too, no network holds more than is left for all; one buyer's limit always fits.
  if held + quantity > tonumber(meta[4]) and has_other_since(meta[7], network, now - 60000) then
    cap = math.min(most, math.max(tonumber(meta[4]), places_left()))
  end
  -- Begun payments do not count, up to a multiple: a network must not hold many places by unfinished payments.
  if held + quantity > cap or held + paying + quantity > 4 * most then return { 'crowded', cap, held } end
  if #seats == 0 then return nil end
  local resting, wait_ms = {}, 0
  for i, rest in ipairs(redis.call('HMGET', RESTS, unpack(seats))) do
    local until_ms, since, had_network, had_owner = string.match(rest or '', '^(%d+) (%d+) (%S+) (%S+)$')
    since = tonumber(since)
    if until_ms and tonumber(until_ms) > now and (had_network == network or had_owner == owner)
      and (has_other_since(meta[7], had_network, since) or has_other_since(meta[8], had_owner, since)) then
      resting[#resting + 1] = seats[i]
      wait_ms = math.max(wait_ms, until_ms - now)
    end
  end
  if #resting > 0 then return { 'resting', table.concat(resting, ','), wait_ms } end
end
if network ~= '' then
  local refusal = refusal_of_network()
  if refusal then return refusal end
end

local expires = now + meta[5]
redis.call('ZADD', DUE, expires, id)
if #seats > 0 then
  local owners = {}
  for i, n in ipairs(seats) do owners[2 * i - 1], owners[2 * i] = n, id end
  redis.call('HSET', OWNERS, unpack(owners))
  for _, n in ipairs(seats) do redis.call('SETRANGE', SEATS, n, '1') end
end
for no, places in string.gmatch(wanted_areas, '(%d+):(%d+)') do
  redis.call('HINCRBY', AREAS, no .. ':held', places)
end
redis.call('HSET', hold_key(id), 'owner', owner, 'state', 'held', 'seats', wanted_seats, 'areas', wanted_areas,
  'quantity', quantity, 'prices', meta[6], 'created', now, 'expires', expires)
if wish ~= '' then redis.call('HSET', hold_key(id), 'wish', wish, 'relaxed', relaxed) end
if network ~= '' then
  redis.call('HSET', hold_key(id), 'network', network)
  count_network(network, 'h:', quantity)
end
redis.call('HSET', BUYERS, 'h:' .. owner, (mine[1] or 0) + quantity, 'l:' .. owner, (mine[3] or '') .. ' ' .. id)
local areas = {}
for no in string.gmatch(wanted_areas, '(%d+):') do areas[no] = true end
publish(now, { ['1'] = seats }, areas, meta[1])
return { 'held', meta[6], expires, 'held' }
