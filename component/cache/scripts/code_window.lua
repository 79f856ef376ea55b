-- Looks at the resend window.
--
-- KEYS: the code's slot, the window. Answers the milliseconds that the window still runs, 0 when it does not; negative
-- when the code that was sent in it is void already.

local left = redis.call('PTTL', KEYS[2])
if left <= 0 then
    return 0
end
return redis.call('EXISTS', KEYS[1]) == 1 and left or -left
