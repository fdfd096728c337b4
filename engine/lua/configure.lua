-- Changes what holds obey (status, prices, limits) and tells every map. ARGV: message JSON or '',
-- then field/value pairs. Reply: {'configured'} or {'rebuild'}.
if redis.call('EXISTS', META) == 0 then return { 'rebuild' } end
for i = 2, #ARGV, 2 do redis.call('HSET', META, ARGV[i], ARGV[i + 1]) end
if ARGV[1] ~= '' then redis.call('PUBLISH', FEED, 'm|' .. ARGV[1]) end
return { 'configured' }
