-- Keys of logs, beside those of common.lua:
--
--   gl:{NN}:log:<id>:<log>      hash    last, count and bytes of its entries, final; hold, node,
--                               kind, seen, until of its reader, since when that is away; by and
--                               held_by: by what it was changed last; full_at: when it was last
--                               found to be full
--   gl:{NN}:entries:<id>:<log>  stream  its entries: <seq>-1, with data, until, call

local function log_key(id, log) return shard .. ":log:" .. id .. ":" .. log end
local function entries_key(id, log) return shard .. ":entries:" .. id .. ":" .. log end

local FULL = 1       -- FULL_S of store/logs.py, in seconds
local ENTRIES = 1000 -- ENTRIES_MAX of store/logs.py
local READER = {"hold", "node", "kind", "seen", "until"}

-- Returns the reader among the fields of a log: {hold, node, kind, seen, until}.
local function reader_of(fields, at)
    return {tonumber(fields[at] or 0), fields[at + 1] or "", fields[at + 2] or "",
        tonumber(fields[at + 3] or 0), fields[at + 4] or "0"}
end

local function entry_of(raw)
    local entry = {id = raw[1], seq = tonumber(string.match(raw[1], "^%d+"))}
    for n = 1, #raw[2], 2 do entry[raw[2][n]] = raw[2][n + 1] end
    return entry
end

-- Removes of the first entries those that are useless, up to a number if it is given.
local function remove_entries(id, log, is_useless, up_to)
    local key = entries_key(id, log)
    local count, bytes = 0, 0
    for _, raw in ipairs(redis.call("XRANGE", key, "-", up_to or "+", "COUNT", ENTRIES)) do
        local entry = entry_of(raw)
        if is_useless(entry) then
            redis.call("XDEL", key, entry.id)
            count, bytes = count + 1, bytes + #entry.data
        end
    end
    if count > 0 then
        redis.call("HINCRBY", log_key(id, log), "count", -count)
        redis.call("HINCRBY", log_key(id, log), "bytes", -bytes)
    end
end

-- Returns: {last, final, since when the reader is away (or empty), reader, {seq, data, ...}, the
-- number after which to read on, or 0}: as many entries as one step may, up to a number if it is given.
local function log_tail(id, log, after, up_to)
    local known = redis.call("HMGET", log_key(id, log),
        "last", "final", "away_since", unpack(READER))
    local entries, next_after = {}, 0
    local found = redis.call("XRANGE", entries_key(id, log), after .. "-2", up_to or "+",
        "COUNT", STEP)
    for _, raw in ipairs(found) do
        local entry = entry_of(raw)
        if tonumber(entry["until"]) > now then
            entries[#entries + 1] = entry.seq
            entries[#entries + 1] = entry.data
        end
        if #found == STEP then next_after = entry.seq end
    end
    return {tonumber(known[1] or 0), known[2] or "0", known[3] or "", reader_of(known, 4), entries,
        next_after}
end
