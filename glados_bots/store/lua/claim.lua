-- Take the lease of the conversation that has waited longest, with a new fencing number.
-- If the turn is still running, its worker lost it, most likely because the worker's process died. From then on the turn is
-- watched (`taken`): its `hand` tells whether a worker works on it or waits. Several deaths in a row make it a suspect.
-- The platform may still carry out the dead process's calls for this turn or for notices behind it: see again.lua.
-- KEYS[1] prefix; ARGV: lease ms, owner or ''. Returns nil, or {conversation, fence, turn, turn hash as a flat list}.
-- `ready` holds the time from which a conversation may be claimed; while it is leased, that is the end of the lease.
local p, lease_ms = KEYS[1], tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

bring_back(p, now)
while true do
  local conversation = redis.call('ZRANGEBYSCORE', p .. 'ready', '-inf', now, 'LIMIT', 0, 1)[1]
  if not conversation then return nil end
  local queue = p .. 'c:' .. conversation .. ':queue'
  local turn = redis.call('LINDEX', queue, 0)
  if not turn then
    redis.call('ZREM', p .. 'ready', conversation)
  elseif redis.call('EXISTS', p .. 't:' .. turn) == 0 then
    redis.call('LPOP', queue)
    redis.call('DEL', p .. 'f:' .. turn)
  else
    local key = p .. 't:' .. turn
    redis.call('ZADD', p .. 'ready', now + lease_ms, conversation)
    local fence = redis.call('INCR', p .. 'c:' .. conversation .. ':fence')
    redis.call('PERSIST', p .. 'c:' .. conversation .. ':fence')
    redis.call('HINCRBY', key, 'attempts', 1)
    local found = redis.call('HMGET', key, 'state', 'taken', 'hand')
    if found[1] == 'running' then
      redis.call('HINCRBY', key, 'taken', 1)
      for _, each in ipairs(redis.call('LRANGE', queue, 0, -1)) do
        if redis.call('EXISTS', p .. 't:' .. each) == 1 then redis.call('HSET', p .. 't:' .. each, 'doubted', 1) end
      end
      if found[2] and found[3] == 'works' then
        redis.call('HINCRBY', key, 'deaths', 1)
      else
        redis.call('HDEL', key, 'deaths')
      end
    end
    redis.call('HDEL', key, 'hand')
    redis.call('HSET', key, 'state', 'running', 'owner', ARGV[2])
    return {conversation, fence, turn, redis.call('HGETALL', key)}
  end
end
