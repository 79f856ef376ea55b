-- Stores a claim code, unless there is such a one.
--
-- KEYS: the slot. ARGV: the account that made it, its life (ms). Answers 1, or 0 when the slot is taken.

if redis.call('HSETNX', KEYS[1], 'account', ARGV[1]) == 0 then
    return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
