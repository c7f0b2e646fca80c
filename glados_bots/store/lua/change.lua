-- Change a turn from outside, in any state: stop it, delete it, or redo it (with a new text).
-- A message that was joined into another turn is a part of that turn: its edit or deletion makes the turn be redone.
-- KEYS[1] prefix; ARGV: turn, action (stop | delete | redo), new text, scopes JSON (see limits.lua; for redo), queue cap (for
-- redo of what has ended; 0 for none), new attached files (see files.lua), 1 if text and files are new, else they stay.
-- Returns {state the turn was in: queued | running | done | dead}, {'limited', ...} or {'full', turns ahead} as accept.lua
-- does, or nil if the turn is unknown.
local p, part, action, text = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local scopes, cap = cjson.decode(ARGV[4]), tonumber(ARGV[5])
local files, is_new = ARGV[6], ARGV[7] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- 1. Find the turn; return early if nothing would change.
local turn = redis.call('HGET', p .. 't:' .. part, 'into') or part
local t = p .. 't:' .. turn
local found = redis.call('HMGET', t, 'state', 'conversation', 'cancel', 'parts')
local state, conversation, pending = found[1], found[2], found[3]
if not state then return nil end
local parts = found[4] and cjson.decode(found[4]) or {}
local ended = state == 'done' or state == 'dead'
if (ended and action == 'stop') or (pending == 'delete' and not ended) then return {state} end
if action == 'redo' and is_new then -- one edit may arrive repeatedly and in several processes: it counts once
  local present = redis.call('HMGET', t, 'text', 'files')
  for _, each in ipairs(parts) do if each[1] == part then present = {each[2], each[3]} end end
  local is_same = table.concat(ids_of(files), '\n') == table.concat(ids_of(present[2] or ''), '\n')
  if text == present[1] and is_same then return {state} end
end
-- 2. A redo is a new question: it counts, and may be refused.
if action == 'redo' then
  local ahead = ended and redis.call('LLEN', p .. 'c:' .. conversation .. ':queue') or 0
  if cap > 0 and ahead >= cap then return {'full', ahead} end
  local refusal = over_limit(p, scopes, now)
  if refusal then return refusal end
  count_question(p, scopes, now, turn)
  if ended then hold_tokens(p, scopes, now, turn) end
end

-- 3. Rebuild the text without the deleted part, or with the edited part.
if #parts > 0 and (action == 'delete' or is_new) then
  local kept, texts = {}, {}
  for _, each in ipairs(parts) do
    if each[1] == part then each = action == 'redo' and {part, text, files} or nil end
    if each then
      kept[#kept + 1] = each
      if each[2] ~= '' then texts[#texts + 1] = each[2] end
    end
  end
  if #kept == #parts and action == 'delete' then return {state} end -- this part was deleted before
  if #kept > 0 then
    redis.call('HSET', t, 'parts', cjson.encode(kept))
    action, text, files, is_new = 'redo', table.concat(texts, '\n'), all_files(kept), true
  end
end

-- 4. A turn that has not ended keeps its place; signal its worker.
if action == 'redo' and is_new then
  redis.call('HSET', t, 'text', text, 'files', files)
  drop_contents(p, turn, files)
end
if state == 'queued' and action == 'redo' then
  redis.call('HDEL', t, 'cancel', 'draft', 'answer', 'again')
  redis.call('DEL', p .. 'v:' .. turn) -- a turn whose end was only to be shown once more may have votes
  return {state}
end
if not ended then
  redis.call('HSET', t, 'cancel', action)
  local word = state == 'queued' and 'queued ' .. (redis.call('LINDEX', p .. 'c:' .. conversation .. ':queue', 0) or turn)
  redis.call('PUBLISH', p .. 'signal', word or action .. ' ' .. turn)
  return {state}
end

-- 5. An ended turn goes through the queue again, so that its conversation stays in order.
redis.call('PERSIST', t)
redis.call('PERSIST', p .. 'f:' .. turn)
redis.call('HSET', t, 'state', 'queued', 'attempts', 0)
redis.call('HDEL', t, 'failures', 'error')
redis.call('HINCRBY', t, 'version', 1)
redis.call('DEL', p .. 'v:' .. turn) -- the votes were about the answer that is replaced
if action == 'delete' then redis.call('HSET', t, 'cancel', 'delete') end
redis.call('RPUSH', p .. 'c:' .. conversation .. ':queue', turn)
redis.call('ZADD', p .. 'ready', 'NX', now, conversation)
redis.call('LPUSH', p .. 'wake', 1)
return {state}
