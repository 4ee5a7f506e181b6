//! A route: a part of the server's URL space, with its methods. The table of all routes is in
//! [`handle`](crate::server::handle).

use crate::access::Rights;
use crate::http::request::Method;
use crate::http::status::Status;
use crate::http::target::PathAndQuery;
use crate::server::disk::Disk;
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// A handler: finds the response to a request, or refuses it.
pub(super) type Handler = fn(&Request<'_, '_, '_>, &mut Disk, &State) -> Result<Handled, Response>;

/// A part of the server's URL space, with the methods that it has.
pub(super) struct Route {
    pub(super) area: Area,
    /// The methods, each with a set of rights, one of which the request needs. The authorise gate checks
    /// that; handlers get finer grants.
    pub(super) methods: &'static [(Method, Rights, Handler)],
    /// Whether uploads start or continue here. If so, OPTIONS says how, and uploads of a client with too many waiting
    /// jobs are held back.
    pub(super) takes_uploads: bool,
    /// Whether it exists below links too.
    pub(super) is_in_links: bool,
}

/// Which targets a route has.
pub(super) enum Area {
    /// The paths of the shared folder.
    Folder,
    /// This path.
    Exact(&'static str),
    /// Every path that begins with this.
    Below(&'static str),
    /// Every path that begins with this and a slash.
    Within(&'static str),
}

impl Area {
    /// What follows the path of the area in one of the server's own paths; `None` if the target is outside
    /// the area.
    pub(super) fn rest<'t>(&self, target: PathAndQuery<'t>) -> Option<&'t str> {
        match *self {
            Self::Folder => None,
            Self::Exact(path) => (target.raw() == path).then_some(""),
            Self::Below(prefix) => target.raw().strip_prefix(prefix),
            Self::Within(path) => target.raw().strip_prefix(path)?.strip_prefix('/'),
        }
    }
}

impl Route {
    /// A route that takes no uploads and does not exist below links.
    pub(super) const fn new(area: Area, methods: &'static [(Method, Rights, Handler)]) -> Self {
        Self { area, methods, takes_uploads: false, is_in_links: false }
    }

    pub(super) const fn with_uploads(self) -> Self {
        Self { takes_uploads: true, ..self }
    }

    pub(super) const fn in_links(self) -> Self {
        Self { is_in_links: true, ..self }
    }

    /// The value of `Allow`.
    pub(super) fn allowed(&self, state: &State) -> String {
        list(self.all_methods(state))
    }

    /// The value of `Allow` without this method, which does not fit what exists at the path.
    pub(super) fn allowed_except(&self, refused: Method, state: &State) -> String {
        list(self.all_methods(state).filter(|method| *method != refused))
    }

    /// Its own methods, and OPTIONS.
    fn all_methods(&self, state: &State) -> impl Iterator<Item = Method> {
        let own = self.methods.iter().map(|(method, ..)| *method).chain([Method::Options]);
        own.filter(|method| state.has(*method))
    }

    /// The row of this method.
    pub(super) fn row(&self, method: Method, state: &State) -> Option<&(Method, Rights, Handler)> {
        self.methods.iter().find(|(its, ..)| *its == method).filter(|_| state.has(method))
    }

    /// 405, with the methods that are allowed.
    pub(super) fn not_allowed(&self, state: &State) -> Response {
        let allowed = self.allowed(state);
        Response::text(Status::METHOD_NOT_ALLOWED, format_args!("method not allowed (allowed: {allowed})\n"))
            .with("Allow", allowed)
    }
}

fn list(methods: impl Iterator<Item = Method>) -> String {
    methods.map(Method::name).collect::<Vec<_>>().join(", ")
}
