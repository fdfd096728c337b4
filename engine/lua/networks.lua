-- The places of the network that holds most of the house: unpaid places and those in a begun payment. No
-- arguments. Reply: {'networks', places, house} or {'rebuild'}.
local meta = redis.call('HMGET', META, 'seat_count', 'area_count')
if not meta[1] then return { 'rebuild' } end
local house = tonumber(meta[1])
for no = 0, meta[2] - 1 do house = house + (redis.call('HGET', AREAS, no .. ':capacity') or 0) end
local places, most = {}, 0
local known = redis.call('HGETALL', NETWORKS)
for i = 1, #known, 2 do
  local kind, network = string.match(known[i], '^(%a):(.*)$')
  if kind ~= 'b' then
    places[network] = (places[network] or 0) + known[i + 1]
    most = math.max(most, places[network])
  end
end
return { 'networks', most, house }
