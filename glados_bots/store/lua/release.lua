-- Give an unfinished turn back at once, for another worker (or for us after a restart). It does not count as an attempt.
-- KEYS[1] prefix; ARGV: conversation, fence, turn. Returns 1, or 0 if the lease was lost or the turn has ended already.
local p, conversation, fence, turn = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local c = p .. 'c:' .. conversation
if redis.call('GET', c .. ':fence') ~= fence or redis.call('LINDEX', c .. ':queue', 0) ~= turn then return 0 end
local time = redis.call('TIME')
redis.call('INCR', c .. ':fence')
if redis.call('EXISTS', p .. 't:' .. turn) == 1 then
  redis.call('HINCRBY', p .. 't:' .. turn, 'attempts', -1)
  redis.call('HSET', p .. 't:' .. turn, 'state', 'queued')
end
redis.call('ZADD', p .. 'ready', time[1] * 1000 + math.floor(time[2] / 1000), conversation)
redis.call('LPUSH', p .. 'wake', 1)
return 1
