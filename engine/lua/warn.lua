-- Warns buyers of holds that are about to end. `due` is read by deadline, and META's `warned` is the last one
-- read: each deadline is warned of once, and a round reads only deadlines that have come near since the last.
-- ARGV: warning_ms, count. Reply: {'warned', warned, more ('1': there may be)} or {'rebuild'}.
local warning_ms = tonumber(ARGV[1])
local known = redis.call('HMGET', META, 'epoch', 'warned')
if not known[1] then return { 'rebuild' } end
local now = now_ms()
local from = math.max(now, tonumber(known[2] or 0))
local upto = now + warning_ms
if upto <= from then return { 'warned', 0, '' } end
-- Deadlines of one millisecond are warned of together; otherwise the next round would skip some.
local last = redis.call('ZRANGEBYSCORE', DUE, '(' .. from, upto, 'WITHSCORES', 'LIMIT', ARGV[2] - 1, 1)
if last[2] then upto = tonumber(last[2]) end
local warned = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '(' .. from, upto)) do
  local hold = read_hold(id)
  -- A buyer whose whole time was shorter than the warning has just seen the deadline.
  if hold and hold.state == 'held' and hold.expires - hold.created > warning_ms then
    tell_of_hold(hold.owner, id, 'ending', 'held', hold.expires)
    warned = warned + 1
  end
end
redis.call('HSET', META, 'warned', upto)
return { 'warned', warned, last[2] and '1' or '' }
