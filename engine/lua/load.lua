-- Loads an event's state from PostgreSQL's truth, under a larger epoch. Live holds still in Redis keep places
-- that are free by that truth; a hold that cannot keep all its places has expired.
-- ARGV: epoch, area_count, seats, versions, areas "no:capacity:sold:version,…", n, n meta field/value
-- pairs, m, m buyer "id", "sold:version" pairs, k, 8 values per pending booking: hold_id, owner,
-- seats, areas, quantity, prices, created, expires; then 10 values per offer, as in lay_offers.lua.
-- While anybody waits, `seats` has a 4 for every free seat: all are offered to the waitlist first.
-- Reply: {'loaded', holds kept, holds lost} or {'newer'} when another process has loaded a larger epoch.
local epoch = tonumber(ARGV[1])
local current = redis.call('HGET', META, 'epoch')
if current and tonumber(current) >= epoch then return { 'newer' } end
local now = now_ms()

-- All keys that may lead to a hold that still exists: each of them may be the damaged one.
local before, ids = {}, {}
local function note(key, kind, command, ...)
  if redis.call('TYPE', key).ok ~= kind then return end
  for _, id in ipairs(redis.call(command, key, ...)) do
    if before[id] == nil then
      before[id] = read_hold(id) or false
      ids[#ids + 1] = id
    end
  end
end
note(DUE, 'zset', 'ZRANGE', 0, -1)
note(OWNERS, 'hash', 'HVALS')
note(FOUND, 'set', 'SMEMBERS')

redis.call('DEL', META, SEATS, VERSIONS, OWNERS, AREAS, BUYERS, DUE, FOUND, NETWORKS)
-- The waitlist must not be empty in between: the rebuilding process corrects it afterwards.
if redis.call('TYPE', LINE).ok ~= 'zset' then redis.call('DEL', LINE) end
-- The record of networks outlives a rebuild: damage must not clear it.
for _, key in ipairs({ CONDUCT, RESTS }) do
  if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end
end
redis.call('HSET', META, 'epoch', epoch, 'seq', 0, 'stirred', 1, 'area_count', ARGV[2], 'waiting', '0',
  'in_line', redis.call('ZCARD', LINE))
if #ARGV[3] > 0 then
  redis.call('SET', SEATS, ARGV[3])
  redis.call('SET', VERSIONS, ARGV[4])
end
for no, capacity, sold, version in string.gmatch(ARGV[5], '(%d+):(%d+):(%d+):(%d+)') do
  redis.call('HSET', AREAS, no .. ':capacity', capacity, no .. ':sold', sold, no .. ':version', version,
    no .. ':held', 0)
end
local at = 6
for _ = 1, tonumber(ARGV[at]) do
  redis.call('HSET', META, ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
at = at + 1
for _ = 1, tonumber(ARGV[at]) do
  redis.call('HSET', BUYERS, 'o:' .. ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
local owned, buyers = sum_owned(redis.call('HGETALL', BUYERS))
redis.call('HSET', META, 'seal', seal(), 'owned', owned, 'buyers', buyers,
  'lasting', sum_lasting(count_digits(ARGV[3]), redis.call('HGETALL', AREAS)))
at = at + 1
for _ = 1, tonumber(ARGV[at]) do
  local id, seats = ARGV[at + 1], ARGV[at + 3]
  redis.call('DEL', hold_key(id))
  lay_paying(unpack(ARGV, at + 1, at + 8))
  for n in string.gmatch(seats, '%d+') do redis.call('HSET', OWNERS, n, id) end
  before[id] = nil
  at = at + 8
end
at = at + 1
while ARGV[at] do
  local id, state = ARGV[at], ARGV[at + 8]
  local hold = before[id]
  -- Redis knows better what happened to an offer after it was accepted.
  if not (state == 'held' and hold and hold.state ~= 'offered') then
    claim_offer(unpack(ARGV, at, at + 9))
    before[id] = nil
  end
  at = at + 10
end

local function is_free(hold)
  for n in string.gmatch(hold.seats, '%d+') do
    local digit = redis.call('GETRANGE', SEATS, n, n)
    if digit ~= '0' and digit ~= '4' or redis.call('HEXISTS', OWNERS, n) == 1 then return false end
  end
  for no, places in string.gmatch(hold.areas, '(%d+):(%d+)') do
    local _, left = area_available(no)
    if not left or left < tonumber(places) then return false end
  end
  return true
end

local function lay_again(id, hold)
  local digit, grace = '1', 0
  if hold.state == 'paying' then digit, grace = '5', PAYMENT_GRACE_MS end
  for n in string.gmatch(hold.seats, '%d+') do
    redis.call('SETRANGE', SEATS, n, digit)
    redis.call('HSET', OWNERS, n, id)
  end
  for no, places in string.gmatch(hold.areas, '(%d+):(%d+)') do redis.call('HINCRBY', AREAS, no .. ':held', places) end
  redis.call('ZADD', DUE, hold.expires + grace, id)
  count_held(hold.owner, hold.quantity, id)
  count_hold(hold, 1)
end

local function lose(id, hold)
  redis.call('HSET', hold_key(id), 'state', 'expired', 'ended', now)
  redis.call('PEXPIRE', hold_key(id), REMEMBER_MS)
  tell_of_hold(hold.owner, id, 'ended', 'expired', hold.expires)
end

local ENDED = { released = true, expired = true, booked = true, unoffered = true }
local kept, lost, claiming = 0, 0, {}
for _, id in ipairs(ids) do
  local hold = before[id]
  if hold and has_claims(hold) then
    if is_live(hold) and is_sound(hold) then
      claiming[#claiming + 1] = { id = id, hold = hold, created = tonumber(hold.created) }
    else
      -- It cannot be used; and an offer that PostgreSQL does not know was never made.
      redis.call('DEL', hold_key(id))
      lost = lost + 1
    end
  elseif hold == false or hold and not ENDED[hold.state] then
    redis.call('DEL', hold_key(id))
  end
end
table.sort(claiming, function(a, b) return a.created < b.created end)
for _, claim in ipairs(claiming) do
  local hold = claim.hold
  local until_ms = hold.expires + (hold.state == 'paying' and PAYMENT_GRACE_MS or 0)
  if until_ms > now and is_free(hold) then
    lay_again(claim.id, hold)
    kept = kept + 1
  else
    lose(claim.id, hold)
    lost = lost + 1
  end
end

if line_waits() then
  for no = 0, ARGV[2] - 1 do
    local _, left = area_available(no)
    redis.call('HSET', AREAS, no .. ':kept', left)
  end
end
redis.call('PUBLISH', FEED, string.format('c|%d|0|%d||', epoch, now))
return { 'loaded', kept, lost }
