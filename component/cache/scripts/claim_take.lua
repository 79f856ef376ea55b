-- Takes a claim code.
--
-- KEYS: the slot. ARGV: who takes it. Answers the account that made it and the era, or nil when it is unknown or taken by
-- somebody else.

local made = redis.call('HMGET', KEYS[1], 'account', 'era')
if not made[1] or not made[2] or redis.call('HSETNX', KEYS[1], 'holder', ARGV[1]) == 0 then
    return nil
end
return {tonumber(made[1]), tonumber(made[2])}
