-- Puts entries into the waitlist, or takes them out. ARGV: 'in', then score and entry_id of each; 'out', then
-- entry_ids; or 'soon', then ms: within this time somebody joins, or the join has failed (the auditor may
-- read in the meantime). Reply: {'line', waiting} or {'rebuild'}.
if redis.call('EXISTS', META) == 0 then return { 'rebuild' } end
if ARGV[1] == 'in' then
  redis.call('HINCRBY', META, 'in_line', redis.call('ZADD', LINE, unpack(ARGV, 2)))
  redis.call('HSET', META, 'waiting', '1')
elseif ARGV[1] == 'soon' then
  redis.call('HSET', META, 'waiting', '1', 'soon', now_ms() + ARGV[2])
  return { 'line', redis.call('ZCARD', LINE) }
else
  redis.call('HINCRBY', META, 'in_line', -redis.call('ZREM', LINE, unpack(ARGV, 2)))
end
stir()
return { 'line', redis.call('ZCARD', LINE) }
