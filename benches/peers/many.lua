-- Requests one of MANY files at random, so that a small cache does not help. The sequence is the same in each run.
local requests = {}

function init(args)
   math.randomseed(1)
   for i = 0, MANY - 1 do
      requests[i] = wrk.format(nil, "/many/" .. i .. ".txt")
   end
end

function request()
   return requests[math.random(0, MANY - 1)]
end
