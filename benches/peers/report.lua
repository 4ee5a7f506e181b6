-- Prints wrk's results as one line of JSON; its own output is rounded. Times are in microseconds.
function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      '\n{"requests":%d,"elapsed":%d,"bytes":%d,"p50":%d,"p99":%d,"broken":%d,"statuses":%d}\n',
      summary.requests, summary.duration, summary.bytes,
      latency:percentile(50), latency:percentile(99),
      e.connect + e.read + e.write + e.timeout, e.status))
end
