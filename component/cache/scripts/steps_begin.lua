-- A registration begins: its phone was verified just now. One that was under way for the phone ends.
--
-- KEYS: the registration. ARGV: the cookie's MAC, the peer's address, how long it lives (ms).

redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'cookie', ARGV[1], 'peer', ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
