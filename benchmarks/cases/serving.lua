-- Walks the addresses of the file $URLS from place $START on; prints what it found as JSON.
local requests = {}
local at = tonumber(os.getenv("START"))

function init()
  for line in io.lines(os.getenv("URLS")) do
    requests[#requests + 1] = wrk.format("GET", line)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\nFOUND {"requests": %d, "seconds": %.6f, "errors": %d, "p50": %.6f, "p99": %.6f}\n',
    summary.requests, summary.duration / 1e6, failed,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
