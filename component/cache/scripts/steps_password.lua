-- Keeps the sealed password of a registration, unless that has ended or begun anew since it was read.
--
-- KEYS: the registration. ARGV: the cookie's MAC as it was read, the key's id, the sealed bytes. Answers 1 or 0.

if redis.call('HGET', KEYS[1], 'cookie') ~= ARGV[1] then
    return 0
end
redis.call('HSET', KEYS[1], 'key', ARGV[2], 'sealed', ARGV[3])
return 1
