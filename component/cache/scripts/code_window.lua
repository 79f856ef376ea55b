-- Looks at the resend window.
--
-- KEYS: the code's slot, the window, the phone. Answers the milliseconds that the window still runs, 0 when it does not;
-- negative when the code that was sent in it is used up or void already.

local left = redis.call('PTTL', KEYS[2])
if left <= 0 then
    return 0
end
local made, standing = redis.call('HGET', KEYS[1], 'generation'), redis.call('HGET', KEYS[3], 'generation')
return made and made == (standing or '0') and left or -left
