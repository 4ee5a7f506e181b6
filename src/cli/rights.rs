//! `wharf rights [USER] PATH`: what a user may do at a path, and which rule says so.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::access_args::{AccessArgs, Reach, withheld_by};
use super::accounts::UsersArgs;
use super::exit::{self, Failure};
use super::rights_line::SetBy;
use crate::access::{Explanation, Principal, Right, Rule};
use crate::net::zone::ZonedIp;
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::{TrustedProxy, path_of_url};

/// Say what a user may do at a path of the folder, and which rule decides
///
/// The flags have the same meaning as for `wharf serve`. A symlink needs the same rights at its target.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(super) struct RightsArgs {
    /// A user of --users [default: a visitor without an account]
    user: Option<String>,
    /// A path in the folder, as in a URL: `/reports/`
    #[arg(value_parser = path_of_url)]
    path: SharePath,
    /// The address of the client
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    from: IpAddr,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    users: UsersArgs,
    /// Address on which the server listens: beyond loopback, visitors have fewer rights by default; can be repeated
    #[arg(short, long, visible_alias = "bind", visible_short_alias = 'b', value_name = "ADDR")]
    ip: Vec<ZonedIp>,
    /// A proxy that the server trusts: with one, visitors have fewer rights by default; can be repeated
    #[arg(long, value_name = "CIDR|unix[=x-forwarded|forwarded]")]
    trust_proxy: Vec<TrustedProxy>,
}

/// Runs the command.
pub(super) fn run(mut args: RightsArgs) -> Result<ExitCode, Failure> {
    args.users.take_variable()?;
    let is_loopback = |ip: &ZonedIp| ip.at(0).ip().to_canonical().is_loopback();
    let reach = Reach::of(!args.trust_proxy.is_empty(), args.ip.iter().all(is_loopback));
    let access = args.access.access(&args.users, reach)?;
    let principal = match &args.user {
        Some(name) => Principal::of_user(Arc::new(args.users.find(name)?), Some(args.from)),
        None => Principal::anonymous(Some(args.from)),
    };
    let set_by = args.access.set_by(&args.users);
    let shown = |rule: &Rule| match set_by {
        SetBy::Rules => format!("{rule} (--allow)"),
        // The user has not typed this rule, so only its rights are shown.
        SetBy::Default | SetBy::OnConflict | SetBy::Accounts => {
            let usable = Rule { rights: rule.rights.without(access.withheld()), ..rule.clone() };
            format!("{usable} (default)")
        }
    };
    let lines = Right::ALL.map(|right| {
        let (has, why) = access.explain(&principal, &args.path, right);
        line(right, has, &reason(right, &why, shown))
    });
    Ok(exit::code(print(&lines.concat())))
}

fn print(text: &str) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(true)
}

fn line(right: Right, has: bool, why: &str) -> String {
    format!("{:<8} {:<4} {}\n", right.name(), if has { "yes" } else { "no" }, Printable::text(why))
}

/// The rules that decide, or another reason.
fn reason(right: Right, why: &Explanation<'_>, shown: impl Fn(&Rule) -> String) -> String {
    match why {
        Explanation::Given(rule) | Explanation::None(rule) => shown(rule),
        Explanation::NotGiven(rules) => rules.iter().map(|rule| shown(rule)).collect::<Vec<_>>().join("; "),
        Explanation::NoRule => "no rule".to_owned(),
        Explanation::NeedsAccount => "only users can have it".to_owned(),
        Explanation::Withheld => withheld_by(right).to_owned(),
    }
}
