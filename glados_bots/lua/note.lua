-- Remember something about a turn of a leased conversation: `posts` (ids of its messages), `draft` (what
-- people see of its answer so far), `answer` (its exchange), `error` (why this attempt failed, which is counted too), or `hand`
-- (whether its own work goes on: works or waits).
-- KEYS[1] prefix; ARGV: conversation, fence, turn, field, value. Returns 1, or 0 when the lease is lost.
local p, conversation, fence, turn, field, value = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if redis.call('GET', p .. 'c:' .. conversation .. ':fence') ~= fence then return 0 end
if redis.call('EXISTS', p .. 't:' .. turn) == 1 then
  redis.call('HSET', p .. 't:' .. turn, field, value)
  if field == 'error' then redis.call('HINCRBY', p .. 't:' .. turn, 'failures', 1) end
end
return 1
