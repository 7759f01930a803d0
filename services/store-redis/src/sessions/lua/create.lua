-- KEYS: the session. ARGV: prefix, id, now, most sessions, 'evict' or 'reject', then as of `put`.
local id, now, most = ARGV[2], ARGV[3], tonumber(ARGV[4])
local session = {
    revision = ARGV[6], created_at = ARGV[7], expires_at = ARGV[8], user = ARGV[9],
    connection = ARGV[10], record = ARGV[11], lifetime_ms = ARGV[12],
}

local taken = redis.call('HGET', KEYS[1], 'revision')
if taken then
    return {'taken', taken}
end

local index = user_key(session.user)
local live = redis.call('ZCOUNT', index, '(' .. now, '+inf')
if redis.call('ZCARD', index) > live then
    -- Those that expired are somebody else's business, but for those that are gone.
    for _, other in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, 16)) do
        if redis.call('EXISTS', session_key(other)) == 0 then
            forget(index, other)
        end
    end
end

local answer = {'stored'}
if live >= most then
    local oldest = {}
    for _, other in ipairs(redis.call('ZRANGEBYSCORE', index, '(' .. now, '+inf')) do
        local created_at = redis.call('HGET', session_key(other), 'created_at')
        if created_at then
            oldest[#oldest + 1] = {created_at = tonumber(created_at), id = other}
        else
            forget(index, other)
        end
    end
    if #oldest >= most then
        if ARGV[5] ~= 'evict' then
            return {'full', tostring(#oldest)}
        end
        table.sort(oldest, function(one, other)
            if one.created_at == other.created_at then
                return one.id < other.id
            end
            return one.created_at < other.created_at
        end)
        for place = 1, #oldest - most + 1 do
            answer[#answer + 1] = take(oldest[place].id)
        end
    end
end
put(id, session)
return answer
