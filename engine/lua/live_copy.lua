-- The data for choosing seats. Frees due holds first: their seats may be the best.
-- No arguments. Reply: {'live_copy', status, prices, buyer_limit, seats} or {'rebuild'}.
local meta = redis.call('HMGET', META, 'status', 'prices', 'buyer_limit', 'seat_count')
if not (meta[1] and meta[2] and tonumber(meta[3]) and is_whole() and read_seats(meta[4])) then return { 'rebuild' } end
local now, freed, areas = now_ms(), {}, {}
free_due(now, 100, freed, areas)
publish(now, { ['0'] = freed }, areas)
return { 'live_copy', meta[1], meta[2], meta[3], read_seats(meta[4]) }
