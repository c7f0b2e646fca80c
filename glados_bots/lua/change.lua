-- Change a turn from outside, whatever its state: stop it, delete it, or do it again (with a new text).
-- KEYS[1] prefix; ARGV: turn, action (stop | delete | redo), new text or ''.
-- Returns the state the turn was in: queued | running | done | dead, or 'joined', or nil when it is not known.
local p, turn, action, text = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local t = p .. 't:' .. turn
local found = redis.call('HMGET', t, 'state', 'conversation')
local state, conversation = found[1], found[2]
if not state or state == 'joined' then return state end
local ended = state == 'done' or state == 'dead'
if ended and action == 'stop' then return state end

if action == 'redo' and text ~= '' then redis.call('HSET', t, 'text', text) end
if state == 'queued' and action == 'redo' then return state end
if not ended then
  redis.call('HSET', t, 'cancel', action)
  redis.call('PUBLISH', p .. 'signal', action .. ' ' .. turn)
  return state
end

-- An ended turn goes through the queue again, so that its conversation stays in order.
local time = redis.call('TIME')
redis.call('PERSIST', t)
redis.call('HSET', t, 'state', 'queued', 'attempts', 0)
redis.call('HINCRBY', t, 'version', 1)
if action == 'delete' then redis.call('HSET', t, 'cancel', 'delete') end
redis.call('RPUSH', p .. 'c:' .. conversation .. ':queue', turn)
redis.call('ZADD', p .. 'ready', 'NX', time[1] * 1000 + math.floor(time[2] / 1000), conversation)
redis.call('LPUSH', p .. 'wake', 1)
return state
