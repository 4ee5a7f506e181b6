set -eu
curl -sS --fail --cacert "$2" "$1/large" | sha256sum | cut -d ' ' -f 1
curl -sS --fail --cacert "$2" -T "$3" "$1/by-curl" >&2
curl -sS --fail --cacert "$2" -I "$1/large" | tr -d '\r' | sed -n 's/^Content-Length: //p'
