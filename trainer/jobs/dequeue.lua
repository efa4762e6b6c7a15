-- The next submission a worker may run: of the highest priority, the one that has waited longest and whose actor does
-- not have as many runs as one may have. It moves to the intermediate list of its queue in the same step.
-- KEYS: waiting list, intermediate list, started set of each queue, in the order of priority
-- ARGV: runs an actor may have at a time (0: any number), what the keys of job documents begin with
-- Returns {number of the queue from 0, submission}, or false
local limit = tonumber(ARGV[1])

local function actor_of(submission)
  local job = string.match(submission, '^(.*)%-%d+$')
  if not job then return nil end
  local actor = redis.call('HGET', ARGV[2] .. job, 'actor')
  if actor then return actor end
  -- a job of an older release has it in its document only; one that cannot be read must not stop all others
  local document = redis.call('HGET', ARGV[2] .. job, 'document')
  local read, found = pcall(cjson.decode, document or '')
  return read and type(found) == 'table' and found.actor or nil
end

local runs, seen = {}, {}
local function count(submission)
  if seen[submission] then return end
  seen[submission] = true
  local actor = actor_of(submission)
  if actor then runs[actor] = (runs[actor] or 0) + 1 end
end

if limit > 0 then
  for queue = 1, #KEYS, 3 do
    for _, submission in ipairs(redis.call('LRANGE', KEYS[queue + 1], 0, -1)) do count(submission) end
    for _, run in ipairs(redis.call('ZRANGE', KEYS[queue + 2], 0, -1)) do count(string.match(run, '^[^:]*')) end
  end
end

local function may_run(submission)
  local actor = limit > 0 and actor_of(submission)
  return not actor or (runs[actor] or 0) < limit
end

for queue = 1, #KEYS, 3 do
  local last = limit > 0 and -1 or 0
  for _, submission in ipairs(redis.call('LRANGE', KEYS[queue], 0, last)) do
    if may_run(submission) then
      redis.call('LREM', KEYS[queue], 1, submission)
      redis.call('RPUSH', KEYS[queue + 1], submission)
      return {(queue - 1) / 3, submission}
    end
  end
end
return false
