-- Keeps the answer of a request whose key was claimed; an empty one frees the key. If the mark has expired
-- and another request has claimed the key since, that one's value stays.
--
-- KEYS[1] as in claim_answer; ARGV: the key's name, the answer, how long it is kept (s), the mark.
local name, answer, kept_s, mark = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local index = base .. ':kept'
local found = redis.call('GET', base .. ':' .. name)
if found and found ~= mark then return {} end
if answer == '' then
  redis.call('ZREM', index, name)
  redis.call('DEL', base .. ':' .. name)
else
  redis.call('SET', base .. ':' .. name, answer, 'EX', kept_s)
  redis.call('ZADD', index, now_ms() + kept_s * 1000, name)
end
return {}
