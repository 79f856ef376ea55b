-- Takes a claim code.
--
-- KEYS: the slot. ARGV: who takes it. Answers the account that made it, or 0 when it is unknown or taken by somebody else.

local account = redis.call('HGET', KEYS[1], 'account')
if not account or redis.call('HSETNX', KEYS[1], 'holder', ARGV[1]) == 0 then
    return 0
end
return tonumber(account)
