-- Begin a running turn again with its newest text, after a redo. KEYS[1] prefix; ARGV: conversation, fence, turn.
-- Returns nil if the lease is lost, else {'redo' | 'stop' | 'delete', text, version, files}: what to do now, because somebody may
-- have stopped or deleted the question since.
local p, conversation, fence, turn = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if redis.call('GET', p .. 'c:' .. conversation .. ':fence') ~= fence then return nil end
local t = p .. 't:' .. turn
local found = redis.call('HMGET', t, 'cancel', 'text', 'version', 'files')
if found[1] == 'delete' or found[1] == 'stop' then return found end
redis.call('HDEL', t, 'cancel', 'draft', 'answer', 'failures', 'deaths', 'again')
redis.call('DEL', p .. 'v:' .. turn)
return {'redo', found[2], redis.call('HINCRBY', t, 'version', 1), found[4] or ''}
