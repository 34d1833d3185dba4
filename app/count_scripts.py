"""What Redis does in one step, so that no other process comes between."""

# What is kept by a key; what no count of ours can be is as good as nothing, and goes.
KEPT = """
local function kept(key)
    local text = redis.pcall('get', key)
    if type(text) == 'string' and #text < 16 and not string.find(text, '%D') and text ~= '' then
        return tonumber(text)
    end
    if text then redis.call('del', key) end
    return nil
end
"""
# Looks and counts in one step, so that two callers cannot both take the last place.
TAKE = f"""{KEPT}
local limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local used = kept(KEYS[1]) or 0
if used + cost <= limit then
    redis.call('incrby', KEYS[1], cost)
    if used == 0 then redis.call('expire', KEYS[1], ARGV[3]) end
end
return used + cost
"""
# The same, unless the policy has changed meanwhile; and what was done is written down, which never
# stands in the way of counting.
TAKE_NOTED = f"""{KEPT}
if ARGV[4] ~= '' and redis.pcall('get', KEYS[2]) ~= ARGV[4] then return -1 end
local limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local used = kept(KEYS[1]) or 0
local count = used + cost
if count <= limit or ARGV[5] == '' then
    redis.call('incrby', KEYS[1], cost)
    if used == 0 then redis.call('expire', KEYS[1], ARGV[3]) end
end
if ARGV[6] ~= '' then
    if redis.pcall('hincrby', KEYS[3], ARGV[6] .. '|calls', cost) == cost then
        redis.call('expire', KEYS[3], ARGV[7])
    end
    if count > limit then redis.pcall('hincrby', KEYS[3], ARGV[6] .. '|refused', cost) end
    if count >= limit then redis.pcall('hset', KEYS[3], ARGV[6] .. '|full', 1) end
end
return count
"""
# A version never goes back, in whatever order those who changed something tell it; one that would
# stay for ever was not told by us.
TELL = f"""{KEPT}
local told = kept(KEYS[1])
if not told or told <= tonumber(ARGV[1]) or redis.call('ttl', KEYS[1]) < 0 then
    redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
return 0
"""
