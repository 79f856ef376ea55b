-- Stores a code, unless the resend window runs, or the budget of codes that nobody entered is spent.
--
-- KEYS: the code's slot, the window, the budget. ARGV: the code's hash, its life (ms), tries, the window (ms, 0: none),
-- the budget (0: none), the note. Answers 0 when it is stored, 1 when the window runs, 2 when the budget is spent.

local hash, life, tries, window, budget, note = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]

if window > 0 and redis.call('EXISTS', KEYS[2]) == 1 then
    return 1
elseif budget > 0 and tonumber(redis.call('GET', KEYS[3]) or 0) >= budget then
    return 2
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'hash', hash, 'tries', tries, 'note', note, 'budget', KEYS[3])
redis.call('PEXPIRE', KEYS[1], life)
if window > 0 then
    redis.call('SET', KEYS[2], '1', 'PX', window)
end
redis.call('INCR', KEYS[3])
redis.call('PEXPIRE', KEYS[3], 2 * 24 * 3600 * 1000)
return 0
