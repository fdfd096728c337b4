-- Frees due holds. ARGV: count.
-- Reply: {'expired', late_ms "…", still paying hold ids "…", due offer ids "…", ms until the next deadline
-- (0: one is due; '': there is none)} or {'rebuild'}.
if not is_whole() then return { 'rebuild' } end
local now, freed, areas = now_ms(), {}, {}
local paying, late, offered = free_due(now, ARGV[1], freed, areas)
publish(now, { ['0'] = freed }, areas)
local first = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
return { 'expired', table.concat(late, ','), table.concat(paying, ','), table.concat(offered, ','),
  first[2] and math.max(0, first[2] - now) or '' }
