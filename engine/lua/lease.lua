-- A lease is renewed, or given up, by whose it is. KEYS[1]: its key; ARGV: its owner's value, for how many ms
-- ('0': it is given up). Reply: {1}; {0}: somebody else has it, or nobody.
if redis.call('GET', base) ~= ARGV[1] then return { 0 } end
if ARGV[2] == '0' then redis.call('DEL', base) else redis.call('PEXPIRE', base, ARGV[2]) end
return { 1 }
