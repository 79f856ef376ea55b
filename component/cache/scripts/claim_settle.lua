-- Ends the taking of a claim code.
--
-- KEYS: the slot. ARGV: who took it, 'spent' or 'released'. Answers 1, or 0 when it is not this taker's any more.

if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then
    return 0
end
if ARGV[2] == 'spent' then
    redis.call('DEL', KEYS[1])
else
    redis.call('HDEL', KEYS[1], 'holder')
end
return 1
