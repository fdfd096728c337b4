-- Prelude of every script: the keys of one event and the steps that scripts share.
--
-- KEYS[1] is "{event_id}"; every other key is derived from it and carries the same hash tag, so a
-- script touches one slot of a cluster. `seats` holds one ASCII digit per seat (engine.base.model.SeatState),
-- `versions` the seat's PostgreSQL version (4 bytes, big-endian) that digit reflects, `owners` the live
-- hold of each claimed seat. A hold is a hash; `due` orders live holds by deadline. The deadline decides,
-- not the presence of the key: a late worker never makes a hold longer. An open offer of the waitlist is
-- a hold in state 'offered'; `line` orders the waiting entries. While there are any (META's `waiting`),
-- returned seats are kept for them: digit 4 without an owner, places counted in `kept`, and `stirred` grows.

local base = KEYS[1]
local META, SEATS, VERSIONS, OWNERS = base .. ':meta', base .. ':seats', base .. ':versions', base .. ':owners'
local AREAS, BUYERS, DUE, FEED = base .. ':areas', base .. ':buyers', base .. ':due', base .. ':feed'
local LINE = base .. ':line'
-- Limited networks (docs/decisions/0030): the places that they hold, their record, and the seats that they
-- have just given up.
local NETWORKS, CONDUCT, RESTS = base .. ':networks', base .. ':conduct', base .. ':rests'
-- Ids of holds still in Redis, when a state is rebuilt that may no longer lead to them.
local FOUND = base .. ':found'
-- How long an ended hold is kept, to explain its end and to answer retries.
local REMEMBER_MS = 900000
-- A hold in payment outlives its deadline by this time. PostgreSQL refuses at the deadline by its own
-- clock, and has then certainly refused before the seats are given to others.
local PAYMENT_GRACE_MS = 1000
-- How long a seat is closed to the buyer who gave it up: the least time, and the most that is added at random.
local REST_MS_MIN, REST_MS_SPREAD = 3000, 12000
-- A hold given back within this time counts as a change of mind; later, as lapsed.
local CHANGE_OF_MIND_MS = 60000
-- The time after which lapsed places count for half; the time after which one decline is forgotten.
local LAPSE_HALF_MS, DECLINE_FORGOTTEN_MS = 600000, 10000
-- The most paid places that a network is credited with, against places that lapse later.
local CREDIT_MAX = 100
local CONDUCT_KEPT_MS = 3600000
local DECLINES_OF_HOLD_MAX = 5

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function hold_key(id) return base .. ':hold:' .. id end

local function read_hold(id)
  local f = redis.pcall('HMGET', hold_key(id), 'owner', 'state', 'seats', 'areas', 'quantity', 'prices',
    'created', 'expires', 'wish', 'relaxed', 'entry', 'network', 'payer', 'own', 'declines', 'extended')
  if not f[1] then
    -- A key of another type is no hold, and would make every script fail that reads it.
    if f.err then redis.call('DEL', hold_key(id)) end
    return nil
  end
  return { owner = f[1], state = f[2], seats = f[3], areas = f[4], quantity = f[5], prices = f[6],
    created = f[7], expires = f[8], wish = f[9], relaxed = f[10], entry = f[11],
    -- network: where it was made; payer: where the payment was begun; own: its deadline without payments.
    network = f[12] or '', payer = f[13] or '', own = f[14], declines = tonumber(f[15] or 0), extended = f[16] }
end

-- Counts a buyer's places in live holds and open offers, and lists these (`l:`). The list only leads to holds:
-- whoever reads it checks each of them.
local function count_held(owner, delta, id)
  if redis.call('HINCRBY', BUYERS, 'h:' .. owner, delta) <= 0 then
    redis.call('HDEL', BUYERS, 'h:' .. owner, 'l:' .. owner)
    return
  end
  local ids = {}
  for other in string.gmatch(redis.call('HGET', BUYERS, 'l:' .. owner) or '', '%S+') do
    if other ~= id then ids[#ids + 1] = other end
  end
  if tonumber(delta) > 0 then ids[#ids + 1] = id end
  redis.call('HSET', BUYERS, 'l:' .. owner, table.concat(ids, ' '))
end

-- Loads a hold in payment as PostgreSQL knows it, except its seats' digits.
local function lay_paying(id, owner, seats, areas, quantity, prices, created, expires)
  redis.call('HSET', hold_key(id), 'owner', owner, 'state', 'paying', 'seats', seats, 'areas', areas,
    'quantity', quantity, 'prices', prices, 'created', created, 'expires', expires)
  redis.call('ZADD', DUE, expires + PAYMENT_GRACE_MS, id)
  for no, places in string.gmatch(areas, '(%d+):(%d+)') do redis.call('HINCRBY', AREAS, no .. ':held', places) end
  count_held(owner, quantity, id)
end

-- Whether the event's state exists and the keys that scripts use have the right lengths. A key of another
-- type raises an error, with the same consequence: the caller rebuilds the state.
-- `f`: META's epoch, seat_count and area_count, if the caller has read them already.
local function is_whole(f)
  f = f or redis.call('HMGET', META, 'epoch', 'seat_count', 'area_count')
  return f[1] and redis.call('STRLEN', SEATS) == tonumber(f[2]) and redis.call('STRLEN', VERSIONS) == 4 * f[2]
    and redis.call('HLEN', AREAS) >= 4 * f[3]
end

-- The seats' digits of an event with this many seats, or nil if they are damaged.
local function read_seats(seat_count)
  local seats = redis.call('GET', SEATS) or ''
  if #seats == tonumber(seat_count) and not string.find(seats, '[^0-5]') then return seats end
end

-- A checksum of the fields of META that change only with PostgreSQL, so that any other change is noticed.
local function seal()
  local f = redis.call('HMGET', META, 'epoch', 'terms', 'status', 'seat_count', 'area_count', 'buyer_limit',
    'hold_ttl_ms', 'hold_max_ms', 'payment_window_ms', 'prices', 'pricing')
  for i = 1, 11 do f[i] = f[i] or '' end
  return redis.sha1hex(table.concat(f, '|'))
end

-- The number of seats for each digit (by its byte), in one pass.
local function count_digits(seats)
  local counts = { [48] = 0, [49] = 0, [50] = 0, [51] = 0, [52] = 0, [53] = 0 }
  for at = 1, #seats, 200 do
    local bytes = { string.byte(seats, at, at + 199) }
    for i = 1, #bytes do counts[bytes[i]] = counts[bytes[i]] + 1 end
  end
  return counts
end

-- Sums over lasting facts, kept in META by every script that changes one: `lasting` over the seats that are
-- not for sale, the versions and the areas, `owned` over the buyers' sold places; `counts` of the digits,
-- `areas` and `buyers` as HGETALL returns them.
local function sum_lasting(counts, areas)
  local sum = counts[50] + counts[51] + redis.call('BITCOUNT', VERSIONS)
  for i = 1, #areas, 2 do
    local field = string.match(areas[i], ':(%a+)$')
    if field ~= 'held' and field ~= 'kept' then sum = sum + areas[i + 1] end
  end
  return sum
end
local function sum_owned(buyers)
  local sum, count = 0, 0
  for i = 1, #buyers, 2 do
    if string.byte(buyers[i]) == 111 then -- o
      local sold, version = string.match(buyers[i + 1], '^(%d+):(%d+)$')
      sum, count = sum + sold + version, count + 1
    end
  end
  return sum, count
end

local function is_live(hold) return hold and (hold.state == 'held' or hold.state == 'paying') end

-- Whether it claims its seats and places, as live holds and open offers do.
local function has_claims(hold) return is_live(hold) or hold and hold.state == 'offered' end

-- Places on sale; and places for the waitlist, which are these and the kept ones.
local function area_available(no)
  local f = redis.call('HMGET', AREAS, no .. ':capacity', no .. ':sold', no .. ':held', no .. ':kept')
  if not f[1] then return nil end
  -- After a loss of Redis more may be held and sold than exists, until PostgreSQL has refused the rest.
  local left = math.max(0, f[1] - f[2] - (f[3] or 0))
  return math.max(0, left - (f[4] or 0)), left
end

local function line_waits() return redis.call('HGET', META, 'waiting') == '1' end

-- There may be seats for the waitlist: notify the workers.
local function stir()
  redis.call('HINCRBY', META, 'stirred', 1)
  redis.call('PUBLISH', 'stirred', string.sub(base, 2, -2))
end

local function keep_places(no, places) redis.call('HINCRBY', AREAS, no .. ':kept', places) end

-- Publishes one change set. `groups` maps a state digit to seat numbers, `areas` is a set of area numbers;
-- `epoch` if the caller has read it already.
local function publish(now, groups, areas, epoch)
  local seats, availability = {}, {}
  for digit, numbers in pairs(groups) do
    if #numbers > 0 then seats[#seats + 1] = digit .. ':' .. table.concat(numbers, ',') end
  end
  for no in pairs(areas) do availability[#availability + 1] = no .. ':' .. area_available(no) end
  if #seats == 0 and #availability == 0 then return end
  local seq = redis.call('HINCRBY', META, 'seq', 1)
  epoch = epoch or redis.call('HGET', META, 'epoch')
  redis.call('PUBLISH', FEED, string.format('c|%s|%d|%d|%s|%s', epoch, seq, now,
    table.concat(seats, ';'), table.concat(availability, ',')))
end

local function count_network(network, kind, delta)
  if network == '' then return end
  local field = kind .. network
  if redis.call('HINCRBY', NETWORKS, field, delta) <= 0 then redis.call('HDEL', NETWORKS, field) end
end

-- Adds a hold to the counts of its network (sign 1), or subtracts it (-1), by its state: unpaid places (h:),
-- places in a begun payment (p:), begun payments (b:, of the network that pays).
local function count_hold(hold, sign)
  if hold.state == 'held' then
    count_network(hold.network, 'h:', sign * hold.quantity)
  elseif hold.state == 'paying' then
    count_network(hold.network, 'p:', sign * hold.quantity)
    count_network(hold.payer, 'b:', sign)
  end
end

-- Moves a hold from payment to held, or the reverse, except its seats' digits.
local function change_state(id, hold, state)
  count_hold(hold, -1)
  hold.state = state
  count_hold(hold, 1)
  redis.call('HSET', hold_key(id), 'state', state)
end

-- The record of a network ('n:…') or a person ('u:…'): `lapsed` places (below 0: paid ones to its credit),
-- the time of the last one, and `declined` payments.
local function read_conduct(who, now)
  local lapsed, lapsed_at, declined, at =
    string.match(redis.call('HGET', CONDUCT, who) or '', '^(%S+) (%d+) (%S+) (%d+)$')
  lapsed, declined = tonumber(lapsed), tonumber(declined)
  if not (lapsed and declined) then return { lapsed = 0, lapsed_at = 0, declined = 0 } end
  local age = math.max(0, now - at)
  return { lapsed = lapsed * 0.5 ^ (age / LAPSE_HALF_MS), lapsed_at = tonumber(lapsed_at),
    declined = math.max(0, declined - age / DECLINE_FORGOTTEN_MS) }
end

local function write_conduct(who, conduct, now)
  if math.abs(conduct.lapsed) < 0.5 and conduct.declined < 0.05 then
    redis.call('HDEL', CONDUCT, who)
  else
    redis.call('HSET', CONDUCT, who, string.format('%.3f %d %.3f %d', conduct.lapsed, conduct.lapsed_at,
      conduct.declined, now))
    redis.call('PEXPIRE', CONDUCT, CONDUCT_KEPT_MS)
  end
end

-- Each time a record is added, two others are checked, so that old ones are deleted.
local function remember(who, now, change)
  local conduct = read_conduct(who, now)
  change(conduct)
  conduct.lapsed = math.max(-CREDIT_MAX, conduct.lapsed)
  conduct.declined = math.max(0, conduct.declined)
  write_conduct(who, conduct, now)
  local some = redis.call('HRANDFIELD', CONDUCT, 2)
  for _, other in ipairs(some) do
    local known = read_conduct(other, now)
    if math.abs(known.lapsed) < 0.5 and known.declined < 0.05 then redis.call('HDEL', CONDUCT, other) end
  end
end

-- The last two actors, each "who when": enough to know whether anybody but one of them acted.
local function with_last(text, who, now)
  local last, at, one_before, before = string.match(text or '', '^(%S+) (%d+) (%S+) (%d+)$')
  if last == who then last, at = one_before, before end
  return string.format('%s %d %s %d', who, now, last or '-', at or 0)
end

local function has_other_since(text, who, since)
  local last, at, one_before, before = string.match(text or '', '^(%S+) (%d+) (%S+) (%d+)$')
  if not last then return false end
  return last ~= who and tonumber(at) >= since or one_before ~= who and tonumber(before) >= since
end

-- Whether the map depends on the viewer: a limited network holds places, or has just given some up.
local function is_watched() return redis.call('EXISTS', NETWORKS, RESTS) > 0 end

-- Records how a hold ended, for its network and its buyer. A payment clears the record.
local function remember_end(hold, outcome, now)
  if outcome == 'booked' then
    local function forgive(conduct)
      conduct.lapsed = conduct.lapsed - hold.quantity
      conduct.declined = conduct.declined - 2
    end
    if hold.network ~= '' then remember('n:' .. hold.network, now, forgive) end
    if hold.declines > 0 then remember('u:' .. hold.owner, now, function(c) c.declined = 0 end) end
  elseif hold.network ~= '' and (outcome == 'expired' or now - hold.created > CHANGE_OF_MIND_MS) then
    remember('n:' .. hold.network, now, function(conduct)
      conduct.lapsed, conduct.lapsed_at = conduct.lapsed + hold.quantity, now
    end)
  end
end

-- Counts a decline for the hold, the buyer and the network that paid.
local function remember_decline(id, hold, now)
  hold.declines = redis.call('HINCRBY', hold_key(id), 'declines', 1)
  if hold.payer == '' then return end
  local function more(conduct) conduct.declined = conduct.declined + 1 end
  remember('n:' .. hold.payer, now, more)
  remember('u:' .. hold.owner, now, more)
end

-- Seats that a limited network gives up are closed to it, and to their buyer (hold.lua decides when).
local function let_rest(hold, seats, now)
  if hold.network == '' or #seats == 0 then return end
  local rests = {}
  for i, n in ipairs(seats) do
    -- Not math.random, which gives the same numbers to every script.
    local rest_ms = REST_MS_MIN + (redis.call('TIME')[2] + 7919 * i) % (REST_MS_SPREAD + 1)
    rests[2 * i - 1] = n
    rests[2 * i] = string.format('%d %d %s %s', now + rest_ms, hold.created, hold.network, hold.owner)
  end
  redis.call('HSET', RESTS, unpack(rests))
  redis.call('PEXPIRE', RESTS, REST_MS_MIN + REST_MS_SPREAD)
end

-- Notifies a person's open connections, in the same step in which it becomes true.
local function tell(person, json) redis.call('PUBLISH', 'person:' .. person, 'm|' .. json) end

local function tell_of_hold(owner, id, change, status, expires)
  tell(owner, string.format('{"type":"hold","event_id":"%s","hold_id":"%s","change":"%s","status":"%s","expires_at_ms":%d}',
    string.sub(base, 2, -2), id, change, status, expires))
end

local function tell_of_offer(owner, id, entry, change, status, expires)
  tell(owner, string.format('{"type":"offer","event_id":"%s","offer_id":"%s","entry_id":"%s","change":"%s","status":"%s","expires_at_ms":%d}',
    string.sub(base, 2, -2), id, entry, change, status, expires))
end

-- Takes a hold's or an offer's claims away: only seats that it still owns, because PostgreSQL may have given
-- one to somebody else since. Seats that were not bought go to the waitlist, if anybody waits.
local function drop_claims(id, hold, outcome, now, freed, areas)
  -- The first write must be one that frees memory: a full Redis refuses a script otherwise.
  redis.call('ZREM', DUE, id)
  count_hold(hold, -1)
  local kept, let_go = 0, {}
  local waits = line_waits()
  for n in string.gmatch(hold.seats, '%d+') do
    if redis.call('HGET', OWNERS, n) == id then
      redis.call('SETRANGE', SEATS, n, waits and '4' or '0')
      redis.call('HDEL', OWNERS, n)
      let_go[#let_go + 1] = n
      if waits then kept = kept + 1 else freed[#freed + 1] = n end
    end
  end
  for no, quantity in string.gmatch(hold.areas, '(%d+):(%d+)') do
    redis.call('HINCRBY', AREAS, no .. ':held', -tonumber(quantity))
    if waits and outcome ~= 'booked' then
      keep_places(no, quantity)
      kept = kept + 1
    end
    areas[no] = true
  end
  if kept > 0 then stir() end
  count_held(hold.owner, -tonumber(hold.quantity), id)
  if outcome ~= 'booked' then let_rest(hold, let_go, now) end
  remember_end(hold, outcome, now)
  redis.call('HSET', hold_key(id), 'state', outcome, 'ended', now)
  -- Not shorter than its deadline: an ended offer would be taken for a lost one.
  redis.call('PEXPIRE', hold_key(id), math.max(REMEMBER_MS, hold.expires - now))
end

-- Ends a live hold, once.
local function end_hold(id, hold, outcome, now, freed, areas)
  drop_claims(id, hold, outcome, now, freed, areas)
  tell_of_hold(hold.owner, id, 'ended', outcome, hold.expires)
end

-- Gives an offer its claims: `seats` that are free or kept, and places. Returns the changes for maps.
local function claim_offer(id, owner, seats, areas, quantity, prices, created, expires, state, entry)
  local shown, digit = {}, state == 'held' and '1' or '4'
  for n in string.gmatch(seats, '%d+') do
    local before = redis.call('GETRANGE', SEATS, n, n)
    if (before == '0' or before == '4') and redis.call('HSETNX', OWNERS, n, id) == 1 then
      redis.call('SETRANGE', SEATS, n, digit)
      if before == '0' then shown[#shown + 1] = n end
    end
  end
  for no, places in string.gmatch(areas, '(%d+):(%d+)') do
    redis.call('HINCRBY', AREAS, no .. ':held', places)
    local kept = tonumber(redis.call('HGET', AREAS, no .. ':kept') or 0)
    if kept > 0 then keep_places(no, -math.min(kept, places)) end
  end
  redis.call('DEL', hold_key(id))
  redis.call('HSET', hold_key(id), 'owner', owner, 'state', state, 'seats', seats, 'areas', areas,
    'quantity', quantity, 'prices', prices, 'created', created, 'expires', expires, 'entry', entry)
  redis.call('ZADD', DUE, expires, id)
  count_held(owner, quantity, id)
  return shown
end

-- Ends due holds, in pages of `count`, except those in payment and offers (PostgreSQL decides how these
-- end). Returns the holds in payment, how late, in ms, each freed one was, and the offers.
local function free_due(now, count, freed, areas)
  count = tonumber(count)
  local paying, late, offered = {}, {}, {}
  for _ = 1, 20 do
    local due = redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', #paying + #offered, count)
    for _, id in ipairs(due) do
      local hold = read_hold(id)
      if hold and hold.state == 'held' then
        late[#late + 1] = now - hold.expires
        end_hold(id, hold, 'expired', now, freed, areas)
      elseif hold and hold.state == 'paying' then
        paying[#paying + 1] = id
      elseif hold and hold.state == 'offered' then
        offered[#offered + 1] = id
      else
        redis.call('ZREM', DUE, id)
      end
    end
    if #due < count then break end
  end
  return paying, late, offered
end

-- Whether a hold's fields are valid, whoever wrote them.
local function is_sound(hold)
  local quantity, created, expires = tonumber(hold.quantity), tonumber(hold.created), tonumber(hold.expires)
  if not (quantity and created and expires and hold.seats and hold.areas and hold.prices) then return false end
  if string.find(hold.seats, '[^%d,]') or string.find(hold.areas, '[^%d,:]') or string.find(hold.prices, '[^%d,]') then
    return false
  end
  for _ in string.gmatch(hold.seats, '%d+') do quantity = quantity - 1 end
  for places in string.gmatch(hold.areas, ':(%d+)') do quantity = quantity - places end
  return quantity == 0
end
