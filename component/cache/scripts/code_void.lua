-- All codes of a phone are void from now on, verified ones too.
--
-- KEYS: the phone. ARGV: how long it is kept (ms), which is longer than any code lasts. Answers 1.
--
-- The phone is a hash: generation, how often that happened; claim and until, of the code that is claimed now.

redis.call('HINCRBY', KEYS[1], 'generation', 1)
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
