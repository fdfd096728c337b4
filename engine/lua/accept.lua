-- An offer that PostgreSQL has recorded as accepted becomes an ordinary hold, at the prices of the offer.
-- ARGV: offer_id, person, expires; then the hold's new owner, if it is not being paid for yet (else it must
-- be the person's); then '1': only if it is not a hold yet. Reply as read_hold.lua (also when it has become
-- one since), or {'foreign'}, {'gone', state}, {'unknown'}, {'rebuild'}.
if not is_whole() then return { 'rebuild' } end
local id = ARGV[1]
local hold = read_hold(id)
if not hold then return { 'unknown' } end
local holder = ARGV[4]
if not holder and hold.owner ~= ARGV[2] then return { 'foreign' } end
local accepted = hold.state == 'offered'
if accepted then
  for n in string.gmatch(hold.seats, '%d+') do
    if redis.call('HGET', OWNERS, n) == id then redis.call('SETRANGE', SEATS, n, '1') end
  end
  hold.state, hold.expires = 'held', ARGV[3]
  redis.call('HSET', hold_key(id), 'state', 'held', 'created', now_ms(), 'expires', hold.expires)
  redis.call('ZADD', DUE, hold.expires, id)
  tell_of_offer(hold.owner, id, hold.entry, 'ended', 'used', hold.expires)
end
if holder and hold.owner ~= holder then
  if hold.state ~= 'held' or ARGV[5] == '1' and not accepted then return { 'gone', hold.state } end
  count_held(hold.owner, -tonumber(hold.quantity), id)
  count_held(holder, tonumber(hold.quantity), id)
  redis.call('HSET', hold_key(id), 'owner', holder)
  hold.owner = holder
end
return { 'hold', hold.owner, hold.state, hold.seats, hold.areas, hold.prices, hold.expires,
  hold.relaxed or '', hold.wish or '' }
