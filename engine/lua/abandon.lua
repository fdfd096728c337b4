-- Ends the payment of a hold that PostgreSQL does not know, because its process died between the two. It is
-- freed once its time (and the grace) is over; with back '1' the buyer has it again at once, as an ordinary hold.
-- ARGV: hold_id, back ('1' = give back to the buyer).
if not is_whole() then return { 'rebuild' } end
local id = ARGV[1]
local hold = read_hold(id)
if not hold or hold.state ~= 'paying' then return { 'settled', 0 } end
local now, freed, areas = now_ms(), {}, {}
if ARGV[2] == '1' and now < tonumber(hold.expires) then
  for n in string.gmatch(hold.seats, '%d+') do
    if redis.call('HGET', OWNERS, n) == id then redis.call('SETRANGE', SEATS, n, '1') end
  end
  change_state(id, hold, 'held')
  redis.call('ZADD', DUE, hold.expires, id)
elseif now >= hold.expires + PAYMENT_GRACE_MS then
  end_hold(id, hold, 'expired', now, freed, areas)
  publish(now, { ['0'] = freed }, areas)
end
return { 'settled', #freed }
