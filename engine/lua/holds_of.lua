-- The live holds of one buyer, the one with the nearest deadline first. ARGV: owner.
-- Reply: {'holds', {hold_id, the values of read_hold.lua}, …} or {'rebuild'}.
if redis.call('EXISTS', META) == 0 then return { 'rebuild' } end
local now, holds = now_ms(), {}
for id in string.gmatch(redis.call('HGET', BUYERS, 'l:' .. ARGV[1]) or '', '%S+') do
  local hold = read_hold(id)
  if is_live(hold) and hold.owner == ARGV[1] and (hold.state == 'paying' or now < tonumber(hold.expires)) then
    hold.id = id
    holds[#holds + 1] = hold
  end
end
table.sort(holds, function(a, b)
  if a.expires == b.expires then return a.id < b.id end
  return tonumber(a.expires) < tonumber(b.expires)
end)
local reply = { 'holds' }
for _, hold in ipairs(holds) do
  reply[#reply + 1] = { hold.id, 'hold', hold.owner, hold.state, hold.seats, hold.areas, hold.prices, hold.expires,
    hold.relaxed or '', hold.wish or '' }
end
return reply
