-- Lays an event's state anew from PostgreSQL's truth, under a larger epoch.
-- ARGV: epoch, area_count, seats, versions, areas "no:capacity:sold:version,…", n, n meta field/value
-- pairs, m, m buyer "id", "sold:version" pairs, k, 8 values per pending booking: hold_id, owner,
-- seats, areas, quantity, prices, created, expires; then 10 values per offer, as in lay_offers.lua.
-- While anybody waits, `seats` has a 4 for whatever is free: all of it is the line's to have first.
-- Reply: {'loaded'} or {'newer'} when another process was here first.
local epoch = tonumber(ARGV[1])
local current = redis.call('HGET', META, 'epoch')
if current and tonumber(current) >= epoch then return { 'newer' } end
for _, id in ipairs(redis.call('ZRANGE', DUE, 0, -1)) do redis.call('DEL', hold_key(id)) end
redis.call('DEL', META, SEATS, VERSIONS, OWNERS, AREAS, BUYERS, DUE, LINE, NETWORKS, CONDUCT, RESTS)
redis.call('HSET', META, 'epoch', epoch, 'seq', 0, 'stirred', 1, 'area_count', ARGV[2])
if #ARGV[3] > 0 then
  redis.call('SET', SEATS, ARGV[3])
  redis.call('SET', VERSIONS, ARGV[4])
end
for no, capacity, sold, version in string.gmatch(ARGV[5], '(%d+):(%d+):(%d+):(%d+)') do
  redis.call('HSET', AREAS, no .. ':capacity', capacity, no .. ':sold', sold, no .. ':version', version,
    no .. ':held', 0)
end
local at = 6
for _ = 1, tonumber(ARGV[at]) do
  redis.call('HSET', META, ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
at = at + 1
for _ = 1, tonumber(ARGV[at]) do
  redis.call('HSET', BUYERS, 'o:' .. ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
at = at + 1
local now = now_ms()
for _ = 1, tonumber(ARGV[at]) do
  local id, seats = ARGV[at + 1], ARGV[at + 3]
  redis.call('DEL', hold_key(id))
  lay_paying(unpack(ARGV, at + 1, at + 8))
  for n in string.gmatch(seats, '%d+') do redis.call('HSET', OWNERS, n, id) end
  at = at + 8
end
at = at + 1
while ARGV[at] do
  claim_offer(unpack(ARGV, at, at + 9))
  at = at + 10
end
if line_waits() then
  for no = 0, ARGV[2] - 1 do
    local _, left = area_available(no)
    redis.call('HSET', AREAS, no .. ':kept', left)
  end
end
redis.call('PUBLISH', FEED, string.format('c|%d|0|%d||', epoch, now))
return { 'loaded' }
