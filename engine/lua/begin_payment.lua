-- Checks that the hold is alive and the buyer's, and keeps it for payment. The public map does not change.
-- ARGV: hold_id, owner, network that pays ('': one without limits). Reply: {'paying', seats, areas, quantity,
-- prices, expires, state before} and, if cards were declined for it, their number; {'foreign'}, {'gone', state},
-- {'slow', whose, retry_ms} (too many payments were declined or are under way), {'unknown'}, {'rebuild'}.
local meta = redis.call('HMGET', META, 'epoch', 'seat_count', 'area_count', 'payment_window_ms', 'hold_max_ms')
if not (meta[4] and meta[5] and is_whole(meta)) then return { 'rebuild' } end
local id, payer = ARGV[1], ARGV[3] or ''
local hold = read_hold(id)
if not hold then return { 'unknown' } end
if hold.owner ~= ARGV[2] then return { 'foreign' } end
if not is_live(hold) then return { 'gone', hold.state } end
local now = now_ms()
if now >= tonumber(hold.expires) then return { 'gone', 'expired' } end
-- Limits: declines of one person, declines of one network, and its payments under way.
local PERSON_MAX, NETWORK_MAX, UNDER_WAY_MAX = 10, 30, 100
local state_before, own = hold.state, nil
if state_before == 'held' then
  if payer ~= '' then
    local mine = read_conduct('u:' .. hold.owner, now).declined - PERSON_MAX + 1
    if mine > 0 then return { 'slow', 'person', math.ceil(mine * DECLINE_FORGOTTEN_MS) } end
    local declined = read_conduct('n:' .. payer, now).declined
    local theirs = declined - NETWORK_MAX + 1
    if theirs > 0 then return { 'slow', 'network', math.ceil(theirs * DECLINE_FORGOTTEN_MS) } end
    local under_way = tonumber(redis.call('HGET', NETWORKS, 'b:' .. payer) or 0)
    if under_way + declined >= UNDER_WAY_MAX then return { 'slow', 'network', 2000 } end
  end
  -- The time for paying is given only once, however often a payment is begun.
  own = tonumber(hold.own or hold.expires)
  local window_ends = math.min(now + meta[4], own + meta[4], hold.created + meta[5])
  hold.expires = math.max(tonumber(hold.expires), window_ends)
end
redis.call('ZADD', DUE, hold.expires + PAYMENT_GRACE_MS, id)
for n in string.gmatch(hold.seats, '%d+') do
  if redis.call('HGET', OWNERS, n) == id then redis.call('SETRANGE', SEATS, n, '5') end
end
if state_before == 'held' then
  count_hold(hold, -1)
  hold.state, hold.payer = 'paying', payer
  count_hold(hold, 1)
  redis.call('HSET', hold_key(id), 'state', 'paying', 'payer', payer, 'own', own, 'expires', hold.expires)
end
return { 'paying', hold.seats, hold.areas, hold.quantity, hold.prices, hold.expires, state_before,
  hold.declines > 0 and hold.declines or nil }
