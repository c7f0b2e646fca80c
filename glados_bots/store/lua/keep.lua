-- Store what was read of an attached file, in place of its bytes. A turn that is to be deleted keeps nothing.
-- KEYS[1] prefix; ARGV: conversation, fence, turn, id of the file, contents JSON. Returns 1, or 0 if the lease is lost.
local p, conversation, fence, turn, id, contents = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local t, f = p .. 't:' .. turn, p .. 'f:' .. turn
if redis.call('GET', p .. 'c:' .. conversation .. ':fence') ~= fence then return 0 end
local state, asked = unpack(redis.call('HMGET', t, 'state', 'cancel'))
if not state or asked == 'delete' then return 1 end
redis.call('HSET', f, id, contents)
redis.call('HDEL', f, 'raw:' .. id)
return 1
