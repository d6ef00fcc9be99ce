-- The end of both scripts that apply changes.
if newest > NEVER then redis.call('HSET', positions, 'newest', whole(newest)) end
if tonumber(after) > stored then redis.call('HSET', positions, 'next:' .. partition, after) end
if current_ms ~= '0' then redis.call('HSET', positions, 'current:' .. partition, current_ms) end
return {'applied', applied, skipped}
