-- ARGV: hold_id.
-- Reply: {'hold', owner, state, seats, areas, prices, expires, relaxed, wish}, {'unknown'} or {'rebuild'}.
if redis.call('EXISTS', META) == 0 then return { 'rebuild' } end
local hold = read_hold(ARGV[1])
if not hold then return { 'unknown' } end
local state = hold.state
if state == 'held' and now_ms() >= tonumber(hold.expires) then state = 'expired' end
return { 'hold', hold.owner, state, hold.seats, hold.areas, hold.prices, hold.expires,
  hold.relaxed or '', hold.wish or '' }
