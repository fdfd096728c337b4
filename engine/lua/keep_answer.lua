-- The answer of a request whose key was claimed; an empty one frees the key.
--
-- KEYS[1] as in claim_answer; ARGV: the key's name, the answer, how long it is kept (s).
local name, answer, kept_s = ARGV[1], ARGV[2], ARGV[3]
local index = base .. ':kept'
if answer == '' then
  redis.call('ZREM', index, name)
  redis.call('DEL', base .. ':' .. name)
else
  redis.call('SET', base .. ':' .. name, answer, 'EX', kept_s)
  redis.call('ZADD', index, now_ms() + kept_s * 1000, name)
end
return {}
