//! The cases: one for each typical use of a file server.

/// The sizes of the files.
pub const KILOBYTE: u64 = 1024;
/// As above.
pub const MEGABYTE: u64 = 1024 * KILOBYTE;

/// The number of files in the case with many files.
pub const MANY: usize = 10_000;

/// How many entries the listed directory has.
pub const LISTED: usize = 1_000;

/// How many other files are in the crowded directory.
pub const CROWD: usize = 100_000;

/// A case.
#[derive(Debug)]
pub struct Case {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its description.
    pub about: &'static str,
    /// The work.
    pub work: Work,
}

/// The work of one turn.
#[derive(Debug)]
pub enum Work {
    /// One request, repeated by `wrk`.
    Load(Load),
    /// New files, as many as can be sent in the time.
    Upload {
        /// The size of each, in bytes.
        size: u64,
        /// How many are sent at once.
        connections: usize,
    },
    /// Like [`Work::Load`] over 16 connections, while this many others are open and idle.
    Idle {
        /// The number of idle connections.
        connections: usize,
    },
    /// From the start of the program to its first complete response.
    Start,
    /// One file of 30 MB over TFTP.
    Tftp {
        /// The size of a block, in bytes (RFC 2348).
        block: u32,
        /// The number of blocks per ACK (RFC 7440).
        window: u32,
    },
    /// Files downloaded from one server by different clients.
    Fetch {
        /// The server's name.
        from: &'static str,
        /// The prefix of their paths; a number and `.txt` follow if there are several.
        target: &'static str,
        /// How many.
        files: usize,
    },
}

/// A request that is repeated.
#[derive(Debug)]
pub struct Load {
    /// The target.
    pub target: &'static str,
    /// The number of connections; each waits for its response before it sends the next request.
    pub connections: u32,
    /// Additional field lines.
    pub manner: Manner,
    /// The expected status.
    pub status: u16,
    /// The expected length of the body, if all servers should send the same.
    pub length: Option<u64>,
}

/// How a target is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Unconditionally.
    Plain,
    /// 64 KB from its middle.
    Range,
    /// Conditionally, like a browser that has it cached.
    Again,
    /// On a new connection.
    Alone,
    /// A different file each time.
    Many,
}

/// A GET of a whole file over persistent connections.
const fn get(target: &'static str, length: u64, connections: u32) -> Work {
    Work::Load(Load { target, connections, manner: Manner::Plain, status: 200, length: Some(length) })
}

/// A GET with one of the special manners, over 64 connections.
const fn special(target: &'static str, manner: Manner, status: u16, length: Option<u64>) -> Work {
    Work::Load(Load { target, connections: 64, manner, status, length })
}

const fn case(name: &'static str, about: &'static str, work: Work) -> Case {
    Case { name, about, work }
}

/// All cases.
pub const CASES: &[Case] = &[
    case("1k-1", "1 KB, 1 connection", get("/1k.txt", KILOBYTE, 1)),
    case("1k-16", "1 KB, 16 connections", get("/1k.txt", KILOBYTE, 16)),
    case("1k-64", "1 KB, 64 connections", get("/1k.txt", KILOBYTE, 64)),
    case("1k-256", "1 KB, 256 connections", get("/1k.txt", KILOBYTE, 256)),
    case("1k-1000", "1 KB, 1,000 connections", get("/1k.txt", KILOBYTE, 1000)),
    case("64k-16", "64 KB, 16 connections", get("/64k.bin", 64 * KILOBYTE, 16)),
    case("100m-1", "100 MB, 1 connection", get("/100m.bin", 100 * MEGABYTE, 1)),
    case("100m-4", "100 MB, 4 connections", get("/100m.bin", 100 * MEGABYTE, 4)),
    case(
        "range",
        "64 KB from the middle of 1 GB, 64 connections",
        special("/1g.bin", Manner::Range, 206, Some(64 * KILOBYTE)),
    ),
    case("304", "not modified, 64 connections", special("/1k.txt", Manner::Again, 304, Some(0))),
    case("404", "not found, 64 connections", special("/nothing.txt", Manner::Plain, 404, None)),
    case(
        "listing",
        "a directory of 1,000 files, 64 connections",
        special("/list/", Manner::Plain, 200, None),
    ),
    case(
        "close",
        "1 KB, a new connection for each request, 64 at once",
        special("/1k.txt", Manner::Alone, 200, Some(KILOBYTE)),
    ),
    case(
        "many",
        "10,000 files of 1 KB, in random order, 64 connections",
        special("/many/0.txt", Manner::Many, 200, Some(KILOBYTE)),
    ),
    case(
        "crowd",
        "1 KB among 100,000 other files, 64 connections",
        special("/crowd/0.txt", Manner::Plain, 200, Some(KILOBYTE)),
    ),
    case("upload-1k", "uploads of 1 KB, 16 at once", Work::Upload { size: KILOBYTE, connections: 16 }),
    case(
        "upload-100m",
        "uploads of 100 MB, 2 at once",
        Work::Upload { size: 100 * MEGABYTE, connections: 2 },
    ),
    case("idle", "1 KB, 16 connections, beside 10,000 idle ones", Work::Idle { connections: 10_000 }),
    case("start", "start to first response; at rest", Work::Start),
    case("tftp-512", "30 MB over TFTP, blocks of 512", Work::Tftp { block: 512, window: 1 }),
    case("tftp-1428", "30 MB over TFTP, blocks of 1,428", Work::Tftp { block: 1428, window: 1 }),
    case("tftp-65464", "30 MB over TFTP, blocks of 65,464", Work::Tftp { block: 65464, window: 1 }),
    case(
        "tftp-window-16",
        "30 MB over TFTP, blocks of 1,428, windows of 16",
        Work::Tftp { block: 1428, window: 16 },
    ),
    case(
        "tftp-window-64",
        "30 MB over TFTP, blocks of 1,428, windows of 64",
        Work::Tftp { block: 1428, window: 64 },
    ),
    case(
        "fetch-500",
        "clients: 500 files of 20 KB",
        Work::Fetch { from: "wharf", target: "/fetch/", files: 500 },
    ),
    case(
        "fetch-100m",
        "clients: one file of 100 MB",
        Work::Fetch { from: "wharf", target: "/100m.bin", files: 1 },
    ),
    case(
        "fetch-500-nginx",
        "clients: 500 files of 20 KB, from nginx",
        Work::Fetch { from: "nginx", target: "/fetch/", files: 500 },
    ),
    case(
        "fetch-100m-nginx",
        "clients: one file of 100 MB, from nginx",
        Work::Fetch { from: "nginx", target: "/100m.bin", files: 1 },
    ),
];
