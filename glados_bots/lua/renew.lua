-- Heartbeat of a lease. KEYS[1] prefix; ARGV: conversation, fence, lease ms.
-- Returns nil when the lease is lost, else {cancel reason or '', queued turn ids...}.
local p, conversation, fence, lease_ms = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('GET', p .. 'c:' .. conversation .. ':fence') ~= fence then return nil end
local time = redis.call('TIME')
redis.call('ZADD', p .. 'ready', time[1] * 1000 + math.floor(time[2] / 1000) + lease_ms, conversation)
local turns = redis.call('LRANGE', p .. 'c:' .. conversation .. ':queue', 0, -1)
local head = table.remove(turns, 1)
local cancel = head and redis.call('HGET', p .. 't:' .. head, 'cancel') or ''
return {cancel or '', unpack(turns)}
