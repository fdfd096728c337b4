-- A gateway process reports its number of watchers of the event (0: it is leaving), and gets the number of
-- all. ARGV: process, watching. Reply: {'watching', sum}.
local WATCHERS, SILENT_MS = base .. ':watchers', 5000
local now, sum = now_ms(), 0
if redis.call('TYPE', WATCHERS).ok ~= 'hash' then redis.call('DEL', WATCHERS) end
if ARGV[2] == '0' then
  redis.call('HDEL', WATCHERS, ARGV[1])
else
  redis.call('HSET', WATCHERS, ARGV[1], string.format('%s:%d', ARGV[2], now))
  redis.call('PEXPIRE', WATCHERS, SILENT_MS)
end
local reports = redis.call('HGETALL', WATCHERS)
for i = 1, #reports, 2 do
  local watching, at = string.match(reports[i + 1], '^(%d+):(%d+)$')
  if at and now - at < SILENT_MS then sum = sum + watching else redis.call('HDEL', WATCHERS, reports[i]) end
end
return { 'watching', sum }
