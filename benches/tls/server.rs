//! The servers: how each is started, and when it is ready.
//!
//! Configurations are in files beside this one, with a reason at each line.

use std::env;
use std::fs::{self, File, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use super::Result;
use super::client::{Client, Offer};
use super::process::{Group, Usage};

/// How long a server may take until it responds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The interval between two attempts until then.
const PULSE: Duration = Duration::from_millis(2);

/// Where Debian installs servers, which is not in everyone's path.
const SYSTEM_PROGRAMS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// The served files, by their sizes in bytes.
pub const SMALL: (&str, u64) = ("1k.txt", 1024);
/// As above.
pub const LARGE: (&str, u64) = ("100m.bin", 100 << 20);

/// The folder and the certificate of all servers. Removed when dropped.
pub struct Stage {
    place: TempDir,
    /// The certificate.
    pub certificate: CertificateDer<'static>,
}

/// A server that takes part.
pub struct Server {
    /// Its name in the tables.
    pub name: String,
    program: PathBuf,
    arguments: &'static [&'static str],
    config: &'static str,
}

/// A running server. Killed when dropped.
pub struct Running {
    group: Group,
    /// Its port.
    pub port: u16,
    _scratch: TempDir,
}

impl Stage {
    /// Creates the files and the certificate: ECDSA with P-256.
    pub fn new() -> Result<Self> {
        let place = tempfile::Builder::new().prefix("tls-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        // Servers that change their user must be able to enter it.
        fs::set_permissions(place.path(), Permissions::from_mode(0o755))?;
        let root = place.path().join("share");
        fs::create_dir(&root)?;
        for (name, size) in [SMALL, LARGE] {
            let content: Vec<u8> = (0..size).map(|at| b'a' + (at % 23) as u8).collect();
            fs::write(root.join(name), content)?;
        }
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = rcgen::CertificateParams::new(["localhost".to_owned()])?.self_signed(&key)?;
        fs::write(place.path().join("certificate.pem"), certificate.pem())?;
        fs::write(place.path().join("key.pem"), key.serialize_pem())?;
        Ok(Self { certificate: certificate.der().clone(), place })
    }
}

impl Server {
    /// A wharf. No connection is closed during a measurement.
    pub fn wharf(program: PathBuf, name: String) -> Self {
        let arguments = &[
            "serve",
            "@ROOT@",
            "--port=@PORT@",
            "--tls-cert=@KEYS@/certificate.pem",
            "--tls-key=@KEYS@/key.pem",
            "--idle-exit=never",
            "--timeout=120",
            "--max-connections=20000",
        ];
        Self { name, program, arguments, config: "" }
    }

    /// The other servers; `None` for one that is not installed.
    pub fn peers() -> [(&'static str, Option<Self>); 2] {
        let nginx: &[_] = &["-c", "@SCRATCH@/config", "-e", "@SCRATCH@/error.log"];
        let h2o: &[_] = &["-m", "worker", "-c", "@SCRATCH@/config"];
        let all = [("nginx", include_str!("nginx.conf"), nginx), ("h2o", include_str!("h2o.conf"), h2o)];
        all.map(|(name, config, arguments)| {
            let path = env::var_os("PATH").unwrap_or_default();
            let folders = env::split_paths(&path).chain(SYSTEM_PROGRAMS.map(PathBuf::from));
            let program = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
            (name, program.map(|program| Self { name: name.to_owned(), program, arguments, config }))
        })
    }

    /// Starts it, and waits for its first response.
    pub fn start(&self, stage: &Stage) -> Result<Running> {
        let scratch = tempfile::Builder::new().prefix("server-").tempdir_in(stage.place.path())?;
        fs::set_permissions(scratch.path(), Permissions::from_mode(0o777))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let group = Group::start(&mut self.command(stage, scratch.path(), port)?)?;
        let start = Instant::now();
        let offer = Offer::new(&stage.certificate, false)?;
        while let Err(error) = Client::connect(port, &offer).and_then(|mut client| client.get(SMALL)) {
            if group.has_ended() || start.elapsed() > PATIENCE {
                let why = fs::read_to_string(scratch.path().join("stderr"))?;
                return Err(format!("{} did not start: {error}; {}", self.name, why.trim()).into());
            }
            thread::sleep(PULSE);
        }
        Ok(Running { group, port, _scratch: scratch })
    }

    fn command(&self, stage: &Stage, scratch: &Path, port: u16) -> io::Result<Command> {
        let place = stage.place.path().to_string_lossy();
        let fill = |text: &str| {
            text.replace("@PORT@", &port.to_string())
                .replace("@ROOT@", &format!("{place}/share"))
                .replace("@KEYS@", &place)
                .replace("@SCRATCH@", &scratch.to_string_lossy())
        };
        fs::write(scratch.join("config"), fill(self.config))?;
        let mut command = Command::new(&self.program);
        command
            .args(self.arguments.iter().map(|argument| fill(argument)))
            // Without an access log.
            .env("RUST_LOG", "warn")
            .current_dir(scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(scratch.join("stderr"))?);
        Ok(command)
    }
}

impl Running {
    /// The resources that it has used so far.
    pub fn usage(&self) -> Result<Usage> {
        self.group.usage()
    }
}
