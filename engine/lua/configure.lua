-- Sets status, limits and prices to PostgreSQL's, and notifies every map of the changes. Facts older than the
-- known ones are skipped. ARGV: version, status message, prices message, then the meta field/value pairs.
-- Reply: {'configured', changed} or {'rebuild'}.
local known = redis.call('HMGET', META, 'epoch', 'terms', 'status', 'prices', 'pricing', 'buyer_limit')
if not (known[1] and known[2]) then return { 'rebuild' } end
if tonumber(ARGV[1]) <= tonumber(known[2]) then return { 'configured', 0 } end
redis.call('HSET', META, 'terms', ARGV[1], unpack(ARGV, 4))
redis.call('HSET', META, 'seal', seal())
local now = redis.call('HMGET', META, 'status', 'prices', 'pricing', 'buyer_limit')
if now[1] ~= known[3] then redis.call('PUBLISH', FEED, 'm|' .. ARGV[2]) end
if now[2] ~= known[4] or now[3] ~= known[5] then redis.call('PUBLISH', FEED, 'm|' .. ARGV[3]) end
-- With other prices, or on sale again, seats may fit wishes that they did not fit before.
if (now[1] ~= known[3] or now[2] ~= known[4] or now[4] ~= known[6]) and line_waits() then stir() end
return { 'configured', 1 }
