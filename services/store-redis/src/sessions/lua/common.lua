-- What all scripts have in common. ARGV[1] is what all keys of the session's place begin with: they share a
-- hash tag, so that a cluster keeps them in one slot, also those that are not in KEYS because their names
-- are only known in here.
--
--   session:<id>          hash   what is compared, and the record; lives for as long as it may be asked for
--   user:<user id>        zset   sessions of a user, by expiry
--   connection:<id>       zset   sessions that are reached through a connection, by id
--   all                   zset   sessions of the place, by id
--   expiry                zset   sessions of the place, by expiry
local prefix = ARGV[1]
local all, expiry = prefix .. 'all', prefix .. 'expiry'

local function session_key(id)
    return prefix .. 'session:' .. id
end

local function user_key(user)
    return prefix .. 'user:' .. user
end

local function connection_key(connection)
    return prefix .. 'connection:' .. connection
end

-- An index lives as long as the longest of what is in it.
local function extend(key, lifetime_ms)
    if redis.call('PTTL', key) < tonumber(lifetime_ms) then
        redis.call('PEXPIRE', key, lifetime_ms)
    end
end

local function put(id, session)
    local key = session_key(id)
    redis.call('HSET', key, 'revision', session.revision, 'created_at', session.created_at,
        'expires_at', session.expires_at, 'user', session.user, 'connection', session.connection,
        'record', session.record)
    redis.call('PEXPIRE', key, session.lifetime_ms)
    redis.call('ZADD', all, 0, id)
    redis.call('ZADD', expiry, session.expires_at, id)
    redis.call('ZADD', user_key(session.user), session.expires_at, id)
    extend(user_key(session.user), session.lifetime_ms)
    if session.connection ~= '' then
        redis.call('ZADD', connection_key(session.connection), 0, id)
        extend(connection_key(session.connection), session.lifetime_ms)
    end
end

-- Removes a session, and answers with its record if it was there.
local function take(id)
    local key = session_key(id)
    local found = redis.call('HMGET', key, 'record', 'user', 'connection')
    if not found[1] then
        return nil
    end
    redis.call('DEL', key)
    redis.call('ZREM', all, id)
    redis.call('ZREM', expiry, id)
    redis.call('ZREM', user_key(found[2]), id)
    if found[3] ~= '' then
        redis.call('ZREM', connection_key(found[3]), id)
    end
    return found[1]
end

-- The server dropped a session by itself: it was not swept for long, or memory was short.
local function forget(index, id)
    redis.call('ZREM', index, id)
    redis.call('ZREM', all, id)
    redis.call('ZREM', expiry, id)
end

-- Records of these ids, at most `limit`, behind what to ask for next: the last id that was looked at if there
-- are others in `ids`, or may be others behind them.
local function page(index, ids, limit, more)
    local answer, last = {''}, ''
    for _, id in ipairs(ids) do
        if #answer > limit then
            more = true
            break
        end
        local record = redis.call('HGET', session_key(id), 'record')
        if record then
            answer[#answer + 1] = record
        else
            forget(index, id)
        end
        last = id
    end
    if more then
        answer[1] = last
    end
    return answer
end

-- Where an order by id begins.
local function after(id)
    if id == '' then
        return '-'
    end
    return '(' .. id
end
