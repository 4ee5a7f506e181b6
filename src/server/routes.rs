//! The routes: which handler a request gets, and which rights it needs, by the area of its target and its method. 405,
//! `Allow` and OPTIONS come from this table.

use std::sync::Arc;

use crate::access::{Principal, Right, Rights};
use crate::http::body::Framing;
use crate::http::request::{Head, Method, UnsupportedMethod};
use crate::http::response;
use crate::http::status::Status;
use crate::http::target::{PathAndQuery, Target};
use crate::own_paths;
use crate::path::SharePath;
use crate::server::disk::Disk;
use crate::server::error_response::{bad_request, not_found};
#[cfg(feature = "qr")]
use crate::server::handle::qr_code;
use crate::server::handle::{
    asset, chat, copies, exit, get, health, join, make_directory, moves, put, ready, remove, resumable, trash,
};
#[cfg(feature = "accounts")]
use crate::server::handle::{link_page, links, login, logout, password, sessions, tokens};
use crate::server::handled::Handled;
use crate::server::link_view::{LinkKind, LinkStage, LinkView};
use crate::server::request::{Request, RequestSource};
use crate::server::response::Response;
use crate::server::state::State;

/// A handler: finds the response to a request, or refuses it.
pub(super) type Handler = fn(&Request<'_, '_, '_>, &mut Disk, &State) -> Result<Handled, Response>;

/// A part of the server's URL space, with the methods that it has.
pub(super) struct Route {
    area: Area,
    /// The methods, each with a set of rights, one of which the request needs. The authorise gate checks
    /// that; handlers get finer grants.
    methods: &'static [(Method, Rights, Handler)],
    /// Whether uploads start or continue here: OPTIONS says how, and uploads of a client with too many waiting jobs
    /// are held back.
    pub takes_uploads: bool,
    /// Whether it exists below links too.
    is_in_links: bool,
}

/// Which targets a route has.
enum Area {
    /// The paths of the shared folder.
    Folder,
    /// This path.
    Exact(&'static str),
    /// Every path that begins with this.
    Below(&'static str),
    /// Every path that begins with this and a slash.
    Within(&'static str),
}

/// The shared folder.
static FOLDER: Route = Route {
    area: Area::Folder,
    methods: &[
        (Method::Get, Rights::VIEW, get::handle),
        (Method::Head, Rights::VIEW, get::handle),
        (Method::Post, Rights::SAVE, put::handle),
        (Method::Put, Rights::SAVE, put::handle),
        (Method::Delete, Rights::of(&[Right::Remove]), remove::handle),
        (Method::Mkcol, Rights::of(&[Right::Add]), |request, _, state| {
            make_directory::handle(request, FOLDER.allowed_except(Method::Mkcol), state)
        }),
        (Method::Move, Rights::of(&[Right::Remove]), moves::handle),
        (Method::Copy, Rights::of(&[Right::Read]), copies::handle),
    ],
    takes_uploads: true,
    is_in_links: true,
};

/// The root of a link that only takes files: a page with a form.
#[cfg(feature = "accounts")]
static DROP: Route = Route {
    area: Area::Folder,
    methods: &[
        (Method::Get, Rights::NONE, link_page::drop_page),
        (Method::Head, Rights::NONE, link_page::drop_page),
        (Method::Post, Rights::SAVE, put::handle),
    ],
    takes_uploads: true,
    is_in_links: true,
};

/// The server's own paths.
static OWN: &[Route] = &[
    Route {
        area: Area::Exact(own_paths::HEALTH),
        methods: &[(Method::Get, Rights::NONE, health::handle), (Method::Head, Rights::NONE, health::handle)],
        takes_uploads: false,
        is_in_links: false,
    },
    Route {
        area: Area::Exact(own_paths::READY),
        methods: &[(Method::Get, Rights::NONE, ready::handle), (Method::Head, Rights::NONE, ready::handle)],
        takes_uploads: false,
        is_in_links: false,
    },
    Route {
        area: Area::Below(own_paths::ASSETS),
        methods: &[(Method::Get, Rights::NONE, asset::handle), (Method::Head, Rights::NONE, asset::handle)],
        takes_uploads: false,
        is_in_links: true,
    },
    Route {
        area: Area::Below(own_paths::UPLOADS),
        methods: &[
            // Only the folder knows the upload's path, so the folder checks the rights, not the gate.
            //
            // A cache that receives HEAD may send GET instead, as Varnish does; the response has no content either way.
            (Method::Get, Rights::NONE, resumable::offset),
            (Method::Head, Rights::NONE, resumable::offset),
            (Method::Patch, Rights::NONE, resumable::append),
            (Method::Delete, Rights::NONE, resumable::cancel),
        ],
        takes_uploads: true,
        is_in_links: true,
    },
    // Everybody sees only their own entries, and needs the rights at their paths to restore or discard them.
    Route {
        area: Area::Exact(own_paths::TRASH),
        methods: &[
            (Method::Get, Rights::NONE, trash::list),
            (Method::Head, Rights::NONE, trash::list),
            (Method::Post, Rights::NONE, trash::form),
            (Method::Delete, Rights::NONE, trash::empty),
        ],
        takes_uploads: false,
        is_in_links: true,
    },
    Route {
        area: Area::Within(own_paths::TRASH),
        methods: &[
            (Method::Post, Rights::NONE, trash::restore),
            (Method::Delete, Rights::NONE, trash::discard),
        ],
        takes_uploads: false,
        is_in_links: true,
    },
    Route {
        area: Area::Exact(own_paths::UNDO),
        methods: &[(Method::Post, Rights::NONE, trash::undo)],
        takes_uploads: false,
        is_in_links: true,
    },
    Route {
        area: Area::Exact(own_paths::CHAT_JOIN),
        methods: &[(Method::Post, Rights::CHAT, join::handle)],
        takes_uploads: false,
        is_in_links: false,
    },
    Route {
        area: Area::Exact(own_paths::CHAT_EVENTS),
        methods: &[(Method::Get, Rights::CHAT, chat::events)],
        takes_uploads: false,
        is_in_links: false,
    },
    Route {
        area: Area::Exact(own_paths::CHAT_MESSAGES),
        methods: &[(Method::Get, Rights::CHAT, chat::poll), (Method::Post, Rights::CHAT, chat::say)],
        takes_uploads: false,
        is_in_links: false,
    },
    Route {
        area: Area::Exact(own_paths::CHAT_LEAVE),
        methods: &[(Method::Post, Rights::CHAT, chat::leave)],
        takes_uploads: false,
        is_in_links: false,
    },
    #[cfg(feature = "qr")]
    Route {
        area: Area::Exact(own_paths::QR_CODE),
        methods: &[
            (Method::Get, Rights::NONE, qr_code::handle),
            (Method::Head, Rights::NONE, qr_code::handle),
        ],
        takes_uploads: false,
        is_in_links: false,
    },
    #[cfg(feature = "qr")]
    Route {
        area: Area::Exact(own_paths::QR_PAGE),
        methods: &[(Method::Get, Rights::NONE, qr_code::page), (Method::Head, Rights::NONE, qr_code::page)],
        takes_uploads: false,
        is_in_links: false,
    },
    #[cfg(feature = "accounts")]
    Route {
        area: Area::Exact(own_paths::LINKS),
        methods: &[(Method::Get, Rights::NONE, links::list), (Method::Post, Rights::NONE, links::add)],
        takes_uploads: false,
        is_in_links: false,
    },
    #[cfg(feature = "accounts")]
    Route {
        area: Area::Within(own_paths::LINKS),
        methods: &[(Method::Delete, Rights::NONE, links::remove)],
        takes_uploads: false,
        is_in_links: false,
    },
    #[cfg(feature = "accounts")]
    Route {
        area: Area::Below(own_paths::LINK),
        methods: &[
            (Method::Get, Rights::NONE, link_page::show),
            (Method::Head, Rights::NONE, link_page::show),
            (Method::Post, Rights::NONE, link_page::open),
        ],
        takes_uploads: true,
        is_in_links: false,
    },
    #[cfg(feature = "accounts")]
    Route {
        area: Area::Exact(own_paths::TOKENS),
        methods: &[(Method::Get, Rights::NONE, tokens::list), (Method::Post, Rights::NONE, tokens::add)],
        takes_uploads: false,
        is_in_links: false,
    },
    #[cfg(feature = "accounts")]
    Route {
        area: Area::Within(own_paths::TOKENS),
        methods: &[(Method::Delete, Rights::NONE, tokens::remove)],
        takes_uploads: false,
        is_in_links: false,
    },
    #[cfg(feature = "accounts")]
    Route {
        area: Area::Exact(own_paths::LOGIN),
        methods: &[
            (Method::Get, Rights::NONE, login::page),
            (Method::Head, Rights::NONE, login::page),
            (Method::Post, Rights::NONE, login::log_in),
        ],
        takes_uploads: false,
        is_in_links: false,
    },
    #[cfg(feature = "accounts")]
    Route {
        area: Area::Exact(own_paths::LOGOUT),
        methods: &[(Method::Post, Rights::NONE, logout::handle)],
        takes_uploads: false,
        is_in_links: false,
    },
    #[cfg(feature = "accounts")]
    Route {
        area: Area::Exact(own_paths::SESSIONS),
        methods: &[
            (Method::Get, Rights::NONE, sessions::page),
            (Method::Head, Rights::NONE, sessions::page),
            (Method::Post, Rights::NONE, sessions::end),
        ],
        takes_uploads: false,
        is_in_links: false,
    },
    #[cfg(feature = "accounts")]
    Route {
        area: Area::Exact(own_paths::PASSWORD),
        methods: &[
            (Method::Get, Rights::NONE, password::page),
            (Method::Head, Rights::NONE, password::page),
            (Method::Post, Rights::NONE, password::change),
        ],
        takes_uploads: false,
        is_in_links: false,
    },
    Route {
        area: Area::Exact(own_paths::EXIT),
        methods: &[(Method::Post, Rights::ADMIN, exit::handle)],
        takes_uploads: false,
        is_in_links: false,
    },
];

/// Finds the route of a request: its handler, and a set of rights, one of which it needs. Responds directly
/// to OPTIONS and to methods that the route does not have.
pub(super) fn find<'a, 'h, 'b>(
    head: &'a Head<'h, 'b>,
    source: &RequestSource<'_>,
    principal: Principal,
    link: Option<Arc<LinkView>>,
    state: &State,
) -> Result<(Rights, Handler, Request<'a, 'h, 'b>), Response> {
    let method = match head.method {
        Err(UnsupportedMethod::NotAllowed | UnsupportedMethod::Tunnel) => return Err(FOLDER.not_allowed()),
        Err(UnsupportedMethod::Unknown) => {
            return Err(Response::text(Status::NOT_IMPLEMENTED, "unknown method\n"));
        }
        Ok(Method::Options) if head.target == Target::Asterisk => return Err(FOLDER.options(state)),
        Ok(method) => method,
    };
    let target = head.target.path().ok_or_else(|| bad_request("this method needs a path as its target"))?;
    let (mut is_own, mut path, mut is_path) = (false, SharePath::root(), Ok(()));
    for segment in target.segments() {
        let segment = segment.map_err(bad_request)?;
        is_own |= path.is_root() && is_path.is_ok() && *segment == *own_paths::SEGMENT;
        is_path = is_path.and_then(|()| path.push(&segment));
    }
    let inside = link.as_deref().filter(|link| link.stage == LinkStage::Inside);
    let (route, path) = if is_own {
        let route = Route::own(target).filter(|route| inside.is_none() || route.is_in_links);
        (route.ok_or_else(not_found)?, SharePath::root())
    } else {
        is_path.map_err(bad_request)?;
        match inside {
            None => (&FOLDER, path),
            Some(link) => in_link(link, &path)?,
        }
    };
    if method == Method::Options {
        return Err(route.options(state));
    }
    let row = route.methods.iter().find(|(own, ..)| *own == method);
    let (_, needs, handler) = row.ok_or_else(|| route.not_allowed())?;
    let rest = route.area.rest(target).unwrap_or_default();
    let (client, scheme) = (source.client, source.scheme);
    Ok((*needs, *handler, Request { head, method, target, path, rest, principal, client, scheme, link }))
}

/// The route for a path below a link, and the path in the folder.
fn in_link(link: &LinkView, below: &SharePath) -> Result<(&'static Route, SharePath), Response> {
    let path = link.inside(below).map_err(bad_request)?.ok_or_else(not_found)?;
    match link.kind {
        #[cfg(feature = "accounts")]
        LinkKind::Drop if below.is_root() => Ok((&DROP, path)),
        LinkKind::Folder | LinkKind::File | LinkKind::Drop => Ok((&FOLDER, path)),
    }
}

/// Whether a request brings content for the folder.
pub(super) fn is_upload(head: &Head<'_, '_>) -> bool {
    let takes_uploads = |target: PathAndQuery<'_>| {
        !target.raw().starts_with(own_paths::ROOT)
            || Route::own(target).is_some_and(|route| route.takes_uploads)
    };
    head.framing != Framing::Empty && head.target.path().is_none_or(takes_uploads)
}

impl Area {
    /// What follows the path of the area in one of the server's own paths; `None` if the target is outside
    /// the area.
    fn rest<'t>(&self, target: PathAndQuery<'t>) -> Option<&'t str> {
        match *self {
            Self::Folder => None,
            Self::Exact(path) => (target.raw() == path).then_some(""),
            Self::Below(prefix) => target.raw().strip_prefix(prefix),
            Self::Within(path) => target.raw().strip_prefix(path)?.strip_prefix('/'),
        }
    }
}

impl Route {
    /// The route of one of the server's own paths.
    fn own(target: PathAndQuery<'_>) -> Option<&'static Self> {
        OWN.iter().find(|route| route.area.rest(target).is_some())
    }

    fn allowed(&self) -> String {
        list(self.methods())
    }

    /// The allowed methods except for this one, which does not fit what exists at the path.
    fn allowed_except(&self, refused: Method) -> String {
        list(self.methods().filter(|method| *method != refused))
    }

    fn methods(&self) -> impl Iterator<Item = Method> {
        self.methods.iter().map(|(method, ..)| *method).chain([Method::Options])
    }

    fn not_allowed(&self) -> Response {
        let allowed = self.allowed();
        Response::text(Status::METHOD_NOT_ALLOWED, format_args!("method not allowed (allowed: {allowed})\n"))
            .with("Allow", allowed)
    }

    /// Lists what can be done here (RFC 9110 §9.3.7).
    fn options(&self, state: &State) -> Response {
        let head = response::Head::new(Status::NO_CONTENT).field("Allow", self.allowed());
        Response::empty(if self.takes_uploads { resumable::offer(head, state) } else { head })
    }
}

/// The value of `Allow`.
fn list(methods: impl Iterator<Item = Method>) -> String {
    methods.map(Method::name).collect::<Vec<_>>().join(", ")
}
