/**
 * Writes one entry by the rules of `TierStore.write`, atomically on the server.
 *
 * KEYS[1]: the key. One key per script, so that a proxy of a cluster can route it.
 * ARGV: [1] the entry as JSON, [2] its version, [3] its kind (`record`, `deleted` or `unknown`), [4] how long it is held in
 * ms, [5] the last moment for the write, [6] how long, at least, the held entry refuses older writes, in ms.
 */
export const WRITE_SCRIPT = `
local time = redis.call('TIME')
if tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000 > tonumber(ARGV[5]) then return 'late' end
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'string' then
  local isJson, entry = pcall(cjson.decode, held)
  if isJson and type(entry) == 'table' and type(entry.v) == 'number' and type(entry.g) == 'string'
    and entry.v % 1 == 0 and math.abs(entry.v) <= 9007199254740991 then
    local version, kind = tonumber(ARGV[2]), ARGV[3]
    local isNewer = version > entry.v or version == entry.v
      and (kind == 'deleted' or kind == 'record' and entry.r ~= cjson.null)
    if not isNewer then
      if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[6]) then redis.call('PEXPIRE', KEYS[1], ARGV[6]) end
      return 'kept'
    end
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
return 'written'`;
