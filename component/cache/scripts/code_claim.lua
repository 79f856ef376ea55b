-- Checks a code, and claims it for a moment.
--
-- KEYS: the slot, the phone ('' where the slot alone is known). ARGV: the code's hash ('' for one that was verified
-- before), the claim's id ('' only to look), how long it holds (ms), who enters it, how long the phone is kept (ms).
-- Answers the note and the names of the budget and the phone, or nothing when the code is wrong, unknown, void, or
-- claimed by somebody else. A wrong code costs a try, the last of which takes the code away. Others than who asked for
-- it have some of the tries only, and are not listened to after them, so that no stranger takes it away.
--
-- Of a phone one code is claimed at a time: what a new password makes void cannot be under way meanwhile.

local slot = redis.call('HMGET', KEYS[1], 'hash', 'note', 'budget', 'claim', 'until', 'phone', 'generation', 'source',
    'others')
local hash, note, budget, claim, claimed_until, phone, generation = unpack(slot, 1, 7)
local source, others = slot[8], tonumber(slot[9] or 0)
local standing = KEYS[2] ~= '' and redis.call('HMGET', KEYS[2], 'generation', 'claim', 'until') or {}
local is_other = source and source ~= '' and source ~= ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function is_claimed(by, for_long)
    return by and by ~= ARGV[2] and tonumber(for_long) > now
end

if not hash or is_other and others < 1 or KEYS[2] ~= '' and (standing[1] or '0') ~= (generation or '0') then
    return {}
end
if hash ~= ARGV[1] then
    if hash ~= '' and ARGV[1] ~= '' then
        if is_other then
            redis.call('HINCRBY', KEYS[1], 'others', -1)
        end
        if redis.call('HINCRBY', KEYS[1], 'tries', -1) < 1 then
            redis.call('DEL', KEYS[1])
        end
    end
    return {}
end
if is_claimed(claim, claimed_until) or is_claimed(standing[2], standing[3]) then
    return {}
end
if ARGV[2] ~= '' then
    local ends = string.format('%.0f', now + tonumber(ARGV[3]))
    redis.call('HSET', KEYS[1], 'claim', ARGV[2], 'until', ends)
    if KEYS[2] ~= '' then
        redis.call('HSET', KEYS[2], 'claim', ARGV[2], 'until', ends)
        redis.call('PEXPIRE', KEYS[2], ARGV[5])
    end
end
return {note, budget, phone or ''}
