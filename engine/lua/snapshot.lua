-- Everything a map shows, as of one instant.
-- Reply: {'snapshot', epoch, seq, status, prices, seats, area_no, available, …, pricing} or {'rebuild'}.
local meta = redis.call('HMGET', META, 'epoch', 'seq', 'status', 'prices', 'area_count', 'pricing')
if not meta[1] then return { 'rebuild' } end
local reply = { 'snapshot', meta[1], meta[2], meta[3], meta[4], redis.call('GET', SEATS) or '' }
for no = 0, tonumber(meta[5]) - 1 do
  reply[#reply + 1] = no
  reply[#reply + 1] = area_available(no)
end
reply[#reply + 1] = meta[6] or ''
return reply
