-- People take their places in the line, or leave it. ARGV: 'in', then score and entry_id of each; or
-- 'out', then entry_ids. Reply: {'line', waiting} or {'rebuild'}.
if redis.call('EXISTS', META) == 0 then return { 'rebuild' } end
if ARGV[1] == 'in' then
  redis.call('ZADD', LINE, unpack(ARGV, 2))
  redis.call('HSET', META, 'waiting', '1')
else
  redis.call('ZREM', LINE, unpack(ARGV, 2))
end
stir()
return { 'line', redis.call('ZCARD', LINE) }
