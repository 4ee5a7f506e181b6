#!/bin/sh
# Starts three servers of one folder behind HAProxy on this machine, to try it: http://127.0.0.1:8080/. Ctrl-C ends them.
#   deploy/cluster/try.sh FOLDER [FLAG]...
# WHARF is the program, and PORT the port of HAProxy; the servers have the next three. A server that ends is started again,
# so `kill PID` restarts one, and `kill -9 PID` loses one.
set -eu

wharf=${WHARF:-wharf}
port=${PORT:-8080}
[ $# -gt 0 ] || { echo "usage: $0 FOLDER [FLAG]..." >&2; exit 2; }
command -v haproxy >/dev/null || { echo "$0: haproxy is not installed" >&2; exit 1; }
config=$(dirname "$0")/haproxy.cfg
work=$(mktemp -d)

clean() {
  trap - EXIT INT TERM
  : >"$work/stop"
  for file in "$work"/*.pid; do
    [ ! -e "$file" ] || kill "$(cat "$file")" 2>/dev/null || true
  done
  wait
  rm -r "$work"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

serve() {
  number=$1
  shift
  while [ ! -e "$work/stop" ]; do
    "$wharf" serve "$@" --port $((port + number)) --trust-proxy 127.0.0.1 --host files.example --timeout 75 \
      --drain 4 --idle-exit never >>"$work/$number.log" 2>&1 &
    echo $! >"$work/$number.pid"
    [ ! -e "$work/stop" ] || kill $!
    echo "server $number: http://127.0.0.1:$((port + number))/, process $!"
    # A port that is taken would otherwise be tried again without a pause.
    wait $! || sleep 1
  done
}

for number in 1 2 3; do
  serve "$number" "$@" &
done
sed -e "s|^ *bind .*|    bind 127.0.0.1:$port|" \
  -e "s|127.0.0.1:8081|127.0.0.1:$((port + 1))|" \
  -e "s|127.0.0.1:8082|127.0.0.1:$((port + 2))|" \
  -e "s|127.0.0.1:8083|127.0.0.1:$((port + 3))|" "$config" >"$work/haproxy.cfg"
haproxy -db -q -f "$work/haproxy.cfg" >"$work/haproxy.log" 2>&1 &
echo $! >"$work/haproxy.pid"
echo "HAProxy: http://127.0.0.1:$port/, process $!; logs: $work"
wait $!
