-- Everything a map shows, as of one instant. ARGV: the viewer's network ('-': one without limits; '': we read).
-- Reply: {'snapshot', epoch, seq, status, prices, seats, area_no, available, …, pricing} or {'rebuild'}.
local meta = redis.call('HMGET', META, 'epoch', 'seq', 'status', 'prices', 'area_count', 'pricing', 'seat_count', 'seen_by')
if not (tonumber(meta[2]) and meta[3] and meta[4] and is_whole()) then return { 'rebuild' } end
local seats = read_seats(meta[7])
if not seats then return { 'rebuild' } end
if (ARGV[1] or '') ~= '' and is_watched() then
  -- Maps open also while Redis is full and accepts no writes.
  redis.pcall('HSET', META, 'seen_by', with_last(meta[8], ARGV[1], now_ms()))
end
local reply = { 'snapshot', meta[1], meta[2], meta[3], meta[4], seats }
for no = 0, tonumber(meta[5]) - 1 do
  local available = area_available(no)
  if not available then return { 'rebuild' } end
  reply[#reply + 1] = no
  reply[#reply + 1] = available
end
reply[#reply + 1] = meta[6] or ''
return reply
