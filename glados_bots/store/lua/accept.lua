-- Accept a turn once: check for duplicates, queue length and limits, then join or queue it, in one step.
-- KEYS[1] prefix; ARGV: turn, conversation, author, data, text, join window ms, queue cap, dedupe s, keep s, scopes JSON
-- (see limits.lua), attached files (see files.lua), number of uploads, (id, base64) of each upload, dedupe keys...
-- Returns {'accepted' | 'duplicate' | 'full', turns ahead}, {'joined', turns ahead, turn it joined},
-- or {'limited', 0, scope, minute | day | open, ms until it resets, 1 if the person was told already}.
local p, turn, conversation, author = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local data, text, join_ms, cap, dedupe_s, keep_s = ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], ARGV[9]
local scopes, files, uploads = cjson.decode(ARGV[10]), ARGV[11], tonumber(ARGV[12])
local keys_from = 13 + 2 * uploads
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- 1. Once only, and only while there is room.
for i = keys_from, #ARGV do
  if redis.call('EXISTS', p .. 'seen:' .. ARGV[i]) == 1 then return {'duplicate', 0} end
end
local queue = p .. 'c:' .. conversation .. ':queue'
local ahead = redis.call('LLEN', queue)
-- A refused question may be asked again under its own id, so only accepted events count as seen.
if ahead >= cap then return {'full', ahead} end
local refusal = over_limit(p, scopes, now)
if refusal then return refusal end
-- 2. It is accepted: count it, and store its ids and its author.
count_question(p, scopes, now, turn)
for i = keys_from, #ARGV do redis.call('SET', p .. 'seen:' .. ARGV[i], turn, 'EX', dedupe_s) end
redis.call('SADD', p .. 'a:' .. author, conversation)
redis.call('EXPIRE', p .. 'a:' .. author, keep_s)
redis.call('SADD', p .. 'c:' .. conversation .. ':authors', author)
redis.call('EXPIRE', p .. 'c:' .. conversation .. ':authors', keep_s)
-- They expire even if a version that knows no files answers the turn.
local function keep_uploads(id)
  for i = 13, keys_from - 1, 2 do redis.call('HSET', p .. 'f:' .. id, 'raw:' .. ARGV[i], ARGV[i + 1]) end
  if uploads > 0 then redis.call('EXPIRE', p .. 'f:' .. id, keep_s) end
end

-- 3. Join it to the author's own question at the end of the queue, if that one is fresh.
local last = redis.call('LINDEX', queue, -1)
if last then
  local key = p .. 't:' .. last
  local found = redis.call('HMGET', key, 'state', 'author', 'at', 'version', 'cancel', 'draft', 'answer', 'text', 'parts', 'files')
  local fresh = found[1] == 'queued' and found[4] == '0' and not (found[5] or found[6] or found[7])
  if fresh and found[2] == author and join_ms > 0 and now - tonumber(found[3]) <= join_ms then
    local parts = found[9] and cjson.decode(found[9]) or {{last, found[8], found[10]}}
    parts[#parts + 1] = {turn, text, files}
    local both = found[8] .. (found[8] ~= '' and text ~= '' and '\n' or '') .. text
    redis.call('HSET', key, 'text', both, 'parts', cjson.encode(parts), 'files', all_files(parts),
      'at', now)
    keep_uploads(last)
    redis.call('HSET', p .. 't:' .. turn, 'state', 'joined', 'into', last, 'conversation', conversation)
    redis.call('EXPIRE', p .. 't:' .. turn, keep_s)
    return {'joined', ahead - 1, last}
  end
end

-- 4. Otherwise queue it, and wake a worker or signal the worker of the turn that runs.
redis.call('HSET', p .. 't:' .. turn, 'state', 'queued', 'conversation', conversation, 'author', author, 'data', data,
  'text', text, 'files', files, 'at', now, 'attempts', 0, 'version', 0, 'posts', '[]')
keep_uploads(turn)
hold_tokens(p, scopes, now, turn)
redis.call('RPUSH', queue, turn)
redis.call('ZADD', p .. 'ready', 'NX', now, conversation)
if ahead == 0 then
  redis.call('LPUSH', p .. 'wake', 1)
  redis.call('LTRIM', p .. 'wake', 0, 999)
else
  redis.call('PUBLISH', p .. 'signal', 'queued ' .. redis.call('LINDEX', queue, 0))
end
return {'accepted', ahead}
