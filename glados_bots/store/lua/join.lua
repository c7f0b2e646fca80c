-- Take part in a thread since the earliest message or event known.
-- KEYS[1] the thread; ARGV: an id or a timestamp, seconds to keep it. Both are compared as text, as a number would lose
-- the last digits; one with fewer digits is earlier.
local known = redis.call('GET', KEYS[1])
if known and (#known < #ARGV[1] or (#known == #ARGV[1] and known < ARGV[1])) then ARGV[1] = known end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
