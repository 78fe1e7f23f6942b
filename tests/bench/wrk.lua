-- wrk.lua: requests from a file of lines PATH, KEY and BODY separated by tabs (no body: GET), in
-- turn, each thread from another place on. Prints one line of JSON at the end.
local requests = {}
local at = 0
local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(args)
   for line in io.lines(args[1]) do
      local path, key, body = line:match("^([^\t]*)\t([^\t]*)\t(.*)$")
      local headers = { ["X-API-Key"] = key }
      if body == "" then
         requests[#requests + 1] = wrk.format("GET", path, headers)
      else
         headers["Content-Type"] = "application/json"
         requests[#requests + 1] = wrk.format("POST", path, headers, body)
      end
   end
   at = number * math.floor(#requests / 2)
end

function request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency)
   local e = summary.errors
   print(string.format('{"rate": %.1f, "p50_ms": %.3f, "p99_ms": %.3f, "failed": %d}',
      summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
      latency:percentile(99) / 1000, e.connect + e.read + e.write + e.status + e.timeout))
end
