-- Everything a map shows, as of one instant. ARGV: the network that looks ('-': one without limits; '': ours).
-- Reply: {'snapshot', epoch, seq, status, prices, seats, area_no, available, …, pricing} or {'rebuild'}.
local meta = redis.call('HMGET', META, 'epoch', 'seq', 'status', 'prices', 'area_count', 'pricing', 'seen_by')
if not meta[1] then return { 'rebuild' } end
if (ARGV[1] or '') ~= '' and is_watched() then
  -- Maps open also where Redis is full and takes no writes.
  redis.pcall('HSET', META, 'seen_by', with_last(meta[7], ARGV[1], now_ms()))
end
local reply = { 'snapshot', meta[1], meta[2], meta[3], meta[4], redis.call('GET', SEATS) or '' }
for no = 0, tonumber(meta[5]) - 1 do
  reply[#reply + 1] = no
  reply[#reply + 1] = area_available(no)
end
reply[#reply + 1] = meta[6] or ''
return reply
