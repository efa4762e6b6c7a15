-- What an alias names, in one atomic step: an alias and its version are never read from two moments.
-- KEYS: aliases, versions, task    ARGV: alias
-- Returns {whether the task has versions, version or false, record or false, which record cannot be read or false}
local version = redis.call('HGET', KEYS[1], ARGV[1])
local record = version and redis.call('HGET', KEYS[2], version)
return {redis.call('EXISTS', KEYS[2]), version, record, redis.call('HGET', KEYS[3], 'unread')}
