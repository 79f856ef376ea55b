-- A code that could not be sent: as if it had not been asked for.
--
-- KEYS: the code's slot, the window, the budget. ARGV: the code's hash. Answers how many codes were withdrawn.

if redis.call('HGET', KEYS[1], 'hash') ~= ARGV[1] then
    return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('DECR', KEYS[3])
return 1
