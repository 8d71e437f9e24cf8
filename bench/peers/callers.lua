-- wrk's callers: they ask one host after the other, and see that each answer is that of a call
-- which is under way. Arguments: the path and the body of a call to each host, in turns; "%d" in a
-- body is the number of the call. The last line printed is JSON.

local paths, bodies = {}, {}
local number, under_way = 0, {}
right, wrong = 0, 0 -- global: done() reads them from outside of the thread

function setup(thread)
  callers = thread -- there is one
end

function init(args)
  for n = 1, #args, 2 do
    paths[#paths + 1], bodies[#bodies + 1] = args[n], args[n + 1]
  end
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  number = number + 1
  under_way[number] = true
  local host = number % #paths + 1
  return wrk.format("POST", paths[host], nil, string.format(bodies[host], number))
end

function response(status, headers, body)
  local answered = tonumber(string.match(body, '"call": ?(%d+)'))
  if status == 200 and answered and under_way[answered] then
    under_way[answered] = nil
    right = right + 1
  else
    wrong = wrong + 1
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    '{"seconds":%.6f,"right":%d,"wrong":%d,"failed":%d,"late":%d,"p50":%.3f,"p99":%.3f}',
    summary.duration / 1e6, callers:get("right"), callers:get("wrong"),
    errors.connect + errors.read + errors.write, errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
