-- Record since which message or event the bot takes part in a thread; the earliest known one counts.
-- KEYS[1] the thread; ARGV: an id or a timestamp, seconds to keep it. Ids and timestamps are compared as text, because
-- a number would lose the last digits; the one with fewer digits is earlier.
local known = redis.call('GET', KEYS[1])
if known and (#known < #ARGV[1] or (#known == #ARGV[1] and known < ARGV[1])) then ARGV[1] = known end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
