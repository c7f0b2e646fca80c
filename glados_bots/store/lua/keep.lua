-- Store what was read of an attached file, in place of its bytes. Nothing is kept of a file that
-- the question has no longer, or for a turn that is to be deleted.
-- KEYS[1] prefix; ARGV: conversation, fence, turn, id of the file, contents JSON, keep s. Returns 1, or 0 if the lease is
-- lost.
local p, conversation, fence, turn, id, contents = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local t, f = p .. 't:' .. turn, p .. 'f:' .. turn
if redis.call('GET', p .. 'c:' .. conversation .. ':fence') ~= fence then return 0 end
local found = redis.call('HMGET', t, 'files', 'cancel')
if found[2] == 'delete' then return 1 end
for _, wanted in ipairs(ids_of(found[1])) do
  if wanted == id then
    redis.call('HSET', f, id, contents)
    redis.call('HDEL', f, 'raw:' .. id)
    redis.call('EXPIRE', f, ARGV[6])
  end
end
return 1
