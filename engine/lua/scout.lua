-- What choosing seats for somebody needs to know. Frees what is due first: it may be the best there is.
-- No arguments. Reply: {'scout', status, prices, buyer_limit, seats} or {'rebuild'}.
local meta = redis.call('HMGET', META, 'status', 'prices', 'buyer_limit')
if not meta[1] then return { 'rebuild' } end
local now, freed, areas = now_ms(), {}, {}
free_due(now, 100, freed, areas)
publish(now, { ['0'] = freed }, areas)
return { 'scout', meta[1], meta[2], meta[3], redis.call('GET', SEATS) or '' }
