-- Proves that the hold is alive and the buyer's, and keeps it for payment. The public map does not change.
-- ARGV: hold_id, owner. Reply: {'paying', seats, areas, quantity, prices, expires, state before}, {'foreign'},
-- {'gone', state}, {'unknown'}, {'rebuild'}.
local meta = redis.call('HMGET', META, 'payment_window_ms', 'hold_max_ms')
if not (meta[1] and meta[2] and is_whole()) then return { 'rebuild' } end
local id = ARGV[1]
local hold = read_hold(id)
if not hold then return { 'unknown' } end
if hold.owner ~= ARGV[2] then return { 'foreign' } end
if not is_live(hold) then return { 'gone', hold.state } end
local now = now_ms()
if now >= tonumber(hold.expires) then return { 'gone', 'expired' } end
local expires = math.max(tonumber(hold.expires), math.min(now + meta[1], hold.created + meta[2]))
redis.call('ZADD', DUE, expires + PAYMENT_GRACE_MS, id)
for n in string.gmatch(hold.seats, '%d+') do
  if redis.call('HGET', OWNERS, n) == id then redis.call('SETRANGE', SEATS, n, '5') end
end
redis.call('HSET', hold_key(id), 'state', 'paying', 'expires', expires)
return { 'paying', hold.seats, hold.areas, hold.quantity, hold.prices, expires, hold.state }
