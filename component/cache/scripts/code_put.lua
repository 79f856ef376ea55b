-- Stores a code, unless the resend window runs, or too many codes that nobody entered went to the country or were asked
-- for from the network.
--
-- KEYS: the code's slot, the window, the country's budget of the day, the phone. ARGV: the code's hash ('' only to
-- look), its life (ms), tries, how many of them others than who asked have, who asked ('': it can be nobody else), the
-- note, the window (ms, 0: none), how long budget and phone are kept (ms), the network, the budget (0: none), a
-- network's share of it (0: none), its share without pictures once half of the budget is used, 1 when a picture was
-- solved.
-- Answers 0 when the code is stored, 1 when the window runs, 2 when the budget is spent, 3 when the network's share is,
-- 4 when a picture would help, and once a day instead of 0: 5 when half of the budget is used now, 6 when all of it is.
--
-- The budget is a hash: open, the codes that were not entered; s <network> and e <network>, how many were stored for a
-- network and entered there; half and all, whether it was said.

local hash, life, tries, others, source, note = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local window, kept, network = tonumber(ARGV[7]), ARGV[8], ARGV[9]
local budget, share, soft, pictured = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]), ARGV[13] == '1'

local counts = redis.call('HMGET', KEYS[3], 'open', 's ' .. network, 'e ' .. network)
local open, stored, entered = tonumber(counts[1] or 0), tonumber(counts[2] or 0), tonumber(counts[3] or 0)

-- As many more as were entered there: a network of many honest people is not one of a stranger who sends.
local function has_used(allowance)
    return stored - entered >= allowance + entered
end

if window > 0 and redis.call('EXISTS', KEYS[2]) == 1 then
    return 1
elseif budget > 0 and open >= budget then
    return 2
elseif share > 0 and has_used(share) then
    return 3
elseif budget > 0 and 2 * open >= budget and not pictured and has_used(soft) then
    return 4
elseif hash == '' then
    return 0
end

local generation = redis.call('HGET', KEYS[4], 'generation')
if generation then
    redis.call('PEXPIRE', KEYS[4], kept)
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'hash', hash, 'tries', tries, 'others', others, 'source', source, 'note', note, 'budget',
    KEYS[3], 'network', network, 'phone', KEYS[4], 'generation', generation or '0')
redis.call('PEXPIRE', KEYS[1], life)
if window > 0 then
    redis.call('SET', KEYS[2], '1', 'PX', window)
end
open = redis.call('HINCRBY', KEYS[3], 'open', 1)
redis.call('HINCRBY', KEYS[3], 's ' .. network, 1)
redis.call('PEXPIRE', KEYS[3], kept)

if budget > 0 and open >= budget and redis.call('HSETNX', KEYS[3], 'all', 1) == 1 then
    redis.call('HSET', KEYS[3], 'half', 1)
    return 6
elseif budget > 0 and 2 * open >= budget and redis.call('HSETNX', KEYS[3], 'half', 1) == 1 then
    return 5
end
return 0
