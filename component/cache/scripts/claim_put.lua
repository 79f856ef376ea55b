-- Stores a claim code, unless there is such a one.
--
-- KEYS: the slot. ARGV: the account that made it, in which era of it, its life (ms). Answers 1, or 0 when the slot is taken.

if redis.call('HSETNX', KEYS[1], 'account', ARGV[1]) == 0 then
    return 0
end
redis.call('HSET', KEYS[1], 'era', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
