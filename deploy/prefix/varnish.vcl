# Varnish with wharf below /files/, as /etc/varnish/default.vcl. The user of Varnish may open the socket. Start wharf with
#   --unix /run/wharf/wharf.sock --trust-proxy unix --trust-proxy 127.0.0.1 --base /files --host files.example --timeout 75
# A proxy at 127.0.0.1 adds TLS, and sets X-Forwarded-For and X-Forwarded-Proto.

vcl 4.1;

backend wharf {
    .path = "/run/wharf/wharf.sock";
    # wharf responds to an upload when the file is on the disk. Large files take a while.
    .first_byte_timeout = 10m;
}

sub vcl_recv {
    # Removes what clients send in these fields.
    unset req.http.X-Forwarded-Host;
    unset req.http.X-Forwarded-Prefix;
    if (req.url !~ "^/files(/|$)") {
        return (synth(404));
    }
    # To remove the prefix, add:
    #   if (req.url ~ "^/files/") {
    #       set req.http.X-Forwarded-Prefix = "/files";
    #       set req.url = regsub(req.url, "^/files", "");
    #   }
    if (req.url ~ "/\.wharf/chat/events") {
        # Otherwise events arrive late.
        return (pipe);
    }
}
