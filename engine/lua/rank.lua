-- How many entries are ahead of an entry. ARGV: entry_id.
-- Reply: {'rank', ahead (-1: it is not in the waitlist), waiting} or {'rebuild'}.
if redis.call('EXISTS', META) == 0 then return { 'rebuild' } end
return { 'rank', redis.call('ZRANK', LINE, ARGV[1]) or -1, redis.call('ZCARD', LINE) }
