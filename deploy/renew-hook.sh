#!/bin/sh
# Gives wharf the certificate that certbot or lego has renewed. docs/operations.md says how to use it.
set -eu

directory=${WHARF_TLS:-/etc/wharf}
group=${WHARF_GROUP:-wharf-files}
if [ -n "${RENEWED_LINEAGE:-}" ]; then # certbot
  certificate=$RENEWED_LINEAGE/fullchain.pem
  key=$RENEWED_LINEAGE/privkey.pem
else # lego 5, or before
  certificate=${LEGO_HOOK_CERT_PATH:-${LEGO_CERT_PATH:-}}
  key=${LEGO_HOOK_CERT_KEY_PATH:-${LEGO_CERT_KEY_PATH:-}}
fi

# Each file gets its name when it is complete.
install -g "$group" -m 640 "$certificate" "$directory/fullchain.pem.new"
install -g "$group" -m 640 "$key" "$directory/privkey.pem.new"
mv "$directory/fullchain.pem.new" "$directory/fullchain.pem"
mv "$directory/privkey.pem.new" "$directory/privkey.pem"

# wharf looks at the files every second; this is sooner, and shows in the log that the hook has run.
${WHARF_RELOAD:-systemctl kill --signal=HUP wharf.service} || echo "wharf does not run now: it reads the files when it starts"
