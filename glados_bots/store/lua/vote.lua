-- Store, change or withdraw a person's vote on an answer. KEYS[1] prefix; ARGV: turn, author, up | down | '', keep s.
-- Returns the previous vote ('' for none), or nil if there is no such answer.
local p, author, vote, keep_s = KEYS[1], ARGV[2], ARGV[3], ARGV[4]
local turn = redis.call('HGET', p .. 't:' .. ARGV[1], 'into') or ARGV[1]
local found = redis.call('HMGET', p .. 't:' .. turn, 'state', 'conversation', 'again')
if found[1] ~= 'done' and found[1] ~= 'dead' and not found[3] then return nil end
local votes = p .. 'v:' .. turn
local before = redis.call('HGET', votes, author) or ''
if vote == '' then
  redis.call('HDEL', votes, author)
else
  redis.call('HSET', votes, author, vote)
  redis.call('EXPIRE', votes, keep_s)
  redis.call('SADD', p .. 'a:' .. author, found[2])
  redis.call('EXPIRE', p .. 'a:' .. author, keep_s)
  redis.call('SADD', p .. 'c:' .. found[2] .. ':authors', author)
  redis.call('EXPIRE', p .. 'c:' .. found[2] .. ':authors', keep_s)
end
return before
