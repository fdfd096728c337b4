-- Whether there may be seats for the waitlist. No arguments.
-- Reply: {'watched', waiting ('1': somebody does), mark (changes when there may be), status} or {'rebuild'}.
local f = redis.call('HMGET', META, 'epoch', 'waiting', 'stirred', 'status')
if not (f[1] and f[4]) then return { 'rebuild' } end
return { 'watched', f[2] or '0', f[1] .. ':' .. (f[3] or '0'), f[4] }
