-- Claims a person's Idempotency-Key for one request, before the request has any effect.
--
-- KEYS[1] "idempotency:{subject}"; ARGV: the key's name, the same name without an event ('' if the request
-- has none), the mark of a request under way and how long it lasts (s), the quota. Returns {'claimed'},
-- {'found', the value kept under it}, or {'full', seconds until one is deleted}.
local name, without_event, mark, in_flight_s, quota = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local index, answer = base .. ':kept', base .. ':' .. name
local found = redis.call('GET', answer)
if not found and without_event ~= '' then found = redis.call('GET', base .. ':' .. without_event) end
if found then return { 'found', found } end
local now = now_ms()
-- The index never has more than `quota` names.
redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
if redis.call('ZCARD', index) >= quota then
  local first = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
  return { 'full', math.ceil((first[2] - now) / 1000) }
end
redis.call('SET', answer, mark, 'EX', in_flight_s)
redis.call('ZADD', index, now + in_flight_s * 1000, name)
redis.call('EXPIRE', index, 90000)
return { 'claimed' }
