//! Flags of other file servers, and their equivalents in wharf.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Flags of other servers, by their equivalent in `wharf serve`.
const FLAGS: [(&[&str], &str); 9] = [
    ACCOUNTS,
    TLS,
    (
        &["--render-index", "--render-try-index", "--render-spa", "--spa"],
        "--index shows a folder's index.html, and `?list` at the end of the URL shows the listing",
    ),
    (
        &["--upload-files", "--allow-upload", "-A", "--allow-all", "--overwrite-files", "-o"],
        "uploads are allowed unless you give --read-only; --on-conflict says what happens to an existing file",
    ),
    (
        &["--allow-archive", "--enable-tar", "--enable-zip", "-r", "-z", "-g"],
        "no flag is needed: `?zip` and `?tar` at the end of a folder's URL download it",
    ),
    (&["--allow-delete", "--enable-delete"], "--allow everyone=edit lets everybody delete files too"),
    (
        &["-l", "--listen", "--interfaces", "--address", "--addr"],
        "--ip sets the address, and --port the port",
    ),
    (&["-d", "--directory", "--root", "--path"], "name the folder without a flag, or use --dir"),
    (&["-H", "--dotfiles"], "--hidden serves names that begin with a dot"),
];

#[cfg(feature = "accounts")]
const ACCOUNTS: (&[&str], &str) = (
    &["-a", "--auth", "-u", "--user", "--auth-file", "--htpasswd"],
    "`wharf user add NAME --users FILE` makes an account, and --users FILE serves with it; --allow says who may do what",
);

#[cfg(not(feature = "accounts"))]
const ACCOUNTS: (&[&str], &str) = (
    &["-a", "--auth", "-u", "--user", "--users", "--password"],
    "this build has no accounts (put a proxy in front: docs/operations.md#behind-a-proxy)",
);

#[cfg(feature = "tls")]
const TLS: (&[&str], &str) = (
    &["--tls", "--ssl", "--cert", "--key", "-S", "-C", "-K"],
    "--tls-cert and --tls-key, or --tls-self-signed, serve HTTPS",
);

#[cfg(not(feature = "tls"))]
const TLS: (&[&str], &str) = (
    &["--tls-cert", "--tls-key", "--tls-self-signed", "--tls", "--ssl", "--cert", "--key", "-S", "-C", "-K"],
    "this build has no TLS (put a proxy in front: docs/operations.md#behind-a-proxy)",
);

/// What to use instead of an unknown flag that another server has.
pub(super) fn explain(error: &Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = given.split('=').next().unwrap_or(given);
    let (_, instead) = FLAGS.iter().find(|(flags, _)| flags.contains(&flag))?;
    Some(format!("unknown flag {flag}: {instead}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Args;
    use clap::Parser as _;

    #[test]
    fn flags_of_other_servers_are_explained() {
        let all = FLAGS.iter().flat_map(|(flags, _)| *flags);
        for flag in all {
            let error = Args::try_parse_from(["wharf", "serve", flag]).expect_err("wharf has another one");
            assert!(explain(&error).is_some_and(|text| text.contains(flag)), "{flag}: {error}");
        }
        let error = Args::try_parse_from(["wharf", "serve", "--spa=a"]).expect_err("it is unknown");
        assert!(explain(&error).is_some());
        let error = Args::try_parse_from(["wharf", "serve", "--nonsense"]).expect_err("it is unknown");
        assert_eq!(explain(&error), None);
    }
}
