-- Frees holds whose time is over. ARGV: count.
-- Reply: {'expired', late_ms "…", still paying hold ids "…", due offer ids "…"} or {'rebuild'}.
if redis.call('EXISTS', META) == 0 then return { 'rebuild' } end
local now, freed, areas = now_ms(), {}, {}
local paying, late, offered = free_due(now, ARGV[1], freed, areas)
publish(now, { ['0'] = freed }, areas)
return { 'expired', table.concat(late, ','), table.concat(paying, ','), table.concat(offered, ',') }
