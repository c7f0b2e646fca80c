-- Heartbeat of a lease. KEYS[1] prefix; ARGV: conversation, fence, lease ms, turn.
-- Returns nil if the lease is lost or the turn has ended, else {pending request or '', queued turn ids...}.
local p, conversation, fence, lease_ms, turn = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
if redis.call('GET', p .. 'c:' .. conversation .. ':fence') ~= fence then return nil end
local turns = redis.call('LRANGE', p .. 'c:' .. conversation .. ':queue', 0, -1)
if table.remove(turns, 1) ~= turn then return nil end
local time = redis.call('TIME')
redis.call('ZADD', p .. 'ready', time[1] * 1000 + math.floor(time[2] / 1000) + lease_ms, conversation)
return {redis.call('HGET', p .. 't:' .. turn, 'cancel') or '', unpack(turns)}
