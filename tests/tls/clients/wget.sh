set -eu
wget -q --ca-certificate="$2" -O - "$1/large" | sha256sum | cut -d ' ' -f 1
wget -q --ca-certificate="$2" --method=PUT --body-file="$3" -O - "$1/by-wget" >&2
wget -S --spider --ca-certificate="$2" "$1/large" 2>&1 | sed -n 's/^ *Content-Length: //p'
