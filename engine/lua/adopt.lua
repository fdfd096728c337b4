-- Loads holds in payment that PostgreSQL knows and Redis does not: Redis was lost after their checkout had
-- begun and before PostgreSQL knew. ARGV: 8 values per pending booking, as in load.lua.
-- Reply: {'adopted', hold ids "…"} or {'rebuild'}.
if not is_whole() then return { 'rebuild' } end
local adopted, claimed, areas = {}, {}, {}
for at = 1, #ARGV, 8 do
  local id = ARGV[at]
  if not read_hold(id) then
    lay_paying(unpack(ARGV, at, at + 7))
    for n in string.gmatch(ARGV[at + 2], '%d+') do
      local digit = redis.call('GETRANGE', SEATS, n, n)
      -- A later holder of the seat keeps it; PostgreSQL will refuse their booking.
      if string.find('045', digit, 1, true) and redis.call('HSETNX', OWNERS, n, id) == 1 and digit ~= '5' then
        redis.call('SETRANGE', SEATS, n, '5')
        if digit == '0' then claimed[#claimed + 1] = n end
      end
    end
    for no in string.gmatch(ARGV[at + 3], '(%d+):') do areas[no] = true end
    adopted[#adopted + 1] = id
  end
end
publish(now_ms(), { ['5'] = claimed }, areas)
return { 'adopted', table.concat(adopted, ',') }
