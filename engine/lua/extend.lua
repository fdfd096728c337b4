-- Gives a hold another full time to live from now, within the event's longest hold. Holds of limited networks
-- get it once, and only for a checkout that has begun: a payment was begun, or the buyer gave their name.
-- ARGV: hold_id, owner, begun ('1': the buyer gave it). Reply as read_hold.lua, or {'foreign'}, {'gone', state},
-- {'unbegun'}, {'unknown'}, {'rebuild'}.
local meta = redis.call('HMGET', META, 'hold_ttl_ms', 'hold_max_ms')
if not (meta[1] and meta[2]) then return { 'rebuild' } end
local id = ARGV[1]
local hold = read_hold(id)
if not hold then return { 'unknown' } end
if hold.owner ~= ARGV[2] then return { 'foreign' } end
local now = now_ms()
if hold.state ~= 'held' then return { 'gone', hold.state } end
if now >= tonumber(hold.expires) then return { 'gone', 'expired' } end
local is_limited = hold.network ~= ''
if is_limited and not hold.own and ARGV[3] ~= '1' then return { 'unbegun' } end
local expires = math.min(now + meta[1], hold.created + meta[2])
if expires > tonumber(hold.expires) and not (is_limited and hold.extended) then
  hold.expires = expires
  redis.call('ZADD', DUE, expires, id)
  redis.call('HSET', hold_key(id), 'expires', expires, 'extended', '1')
  if hold.own then redis.call('HSET', hold_key(id), 'own', expires) end
  tell_of_hold(hold.owner, id, 'extended', hold.state, expires)
end
return { 'hold', hold.owner, hold.state, hold.seats, hold.areas, hold.prices, hold.expires,
  hold.relaxed or '', hold.wish or '' }
