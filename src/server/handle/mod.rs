//! Handlers: one file for each kind of response. The table of routes says which requests each handler gets, and which
//! rights the requests need. 405, `Allow` and OPTIONS come from the table.

#[cfg(feature = "accounts")]
mod account;
#[cfg(feature = "archive")]
pub(super) mod archive;
#[cfg(not(feature = "archive"))]
#[path = "no_archive.rs"]
pub(super) mod archive;
pub(super) mod asset;
pub(super) mod chat;
pub(super) mod checksum;
mod conditions;
pub(super) mod copies;
#[cfg(feature = "dav")]
pub(super) mod dav;
mod destination;
pub(super) mod exit;
mod follow;
pub(super) mod form;
pub(super) mod get;
pub(super) mod health;
pub(super) mod join;
mod json;
#[cfg(feature = "accounts")]
pub(super) mod link_page;
#[cfg(feature = "accounts")]
pub(super) mod links;
pub(super) mod listing;
#[cfg(feature = "accounts")]
pub(super) mod login;
#[cfg(feature = "accounts")]
pub(super) mod logout;
pub(super) mod make_directory;
mod member;
mod modified;
pub(super) mod moves;
#[cfg(feature = "accounts")]
pub(super) mod password;
mod posted;
pub(super) mod put;
#[cfg(feature = "qr")]
pub(super) mod qr_code;
pub(super) mod ready;
#[cfg(feature = "accounts")]
mod record;
mod relocating;
pub(super) mod remove;
pub(super) mod resumable;
mod search;
#[cfg(feature = "accounts")]
pub(super) mod sessions;
#[cfg(feature = "thumbs")]
mod thumb;
#[cfg(not(feature = "thumbs"))]
#[path = "no_thumb.rs"]
mod thumb;
#[cfg(feature = "accounts")]
pub(super) mod tokens;
pub(super) mod trash;
mod upload_response;

use crate::access::{Right, Rights};
use crate::http::request::Method;
use crate::own_paths;
use crate::server::route::{Area, Route};

/// The shared folder.
pub(super) static FOLDER: Route = Route::new(
    Area::Folder,
    &[
        (Method::Get, Rights::VIEW, get::handle),
        (Method::Head, Rights::VIEW, get::handle),
        (Method::Post, Rights::SAVE, put::handle),
        (Method::Put, Rights::SAVE, put::handle),
        (Method::Delete, Rights::of(&[Right::Remove]), remove::handle),
        (Method::Mkcol, Rights::of(&[Right::Add]), |request, disk, state| {
            make_directory::handle(request, FOLDER.allowed_except(Method::Mkcol, state), disk, state)
        }),
        (Method::Move, Rights::of(&[Right::Remove]), moves::handle),
        (Method::Copy, Rights::of(&[Right::Read]), copies::handle),
        #[cfg(feature = "dav")]
        (Method::Propfind, Rights::VIEW, dav::propfind::handle),
        #[cfg(feature = "dav")]
        (Method::Proppatch, Rights::of(&[Right::Replace]), dav::proppatch::handle),
        #[cfg(feature = "dav")]
        (Method::Lock, Rights::SAVE, dav::lock::handle),
        #[cfg(feature = "dav")]
        (Method::Unlock, Rights::SAVE, dav::unlock::handle),
    ],
)
.with_uploads()
.in_links();

/// A zip of the entries of a directory that a form names. Only the method says that this is not an upload.
pub(super) static CHOSEN: Route =
    Route::new(Area::Folder, &[(Method::Post, Rights::of(&[Right::List]), archive::posted)]).in_links();

/// The root of a link that only takes files: a page with a form.
#[cfg(feature = "accounts")]
pub(super) static DROP: Route = Route::new(
    Area::Folder,
    &[
        (Method::Get, Rights::NONE, link_page::drop_page),
        (Method::Head, Rights::NONE, link_page::drop_page),
        (Method::Post, Rights::SAVE, put::handle),
    ],
)
.with_uploads()
.in_links();

/// The server's own paths.
pub(super) static OWN: &[Route] = &[
    Route::new(
        Area::Exact(own_paths::HEALTH),
        &[(Method::Get, Rights::NONE, health::handle), (Method::Head, Rights::NONE, health::handle)],
    ),
    Route::new(
        Area::Exact(own_paths::READY),
        &[(Method::Get, Rights::NONE, ready::handle), (Method::Head, Rights::NONE, ready::handle)],
    ),
    Route::new(
        Area::Below(own_paths::ASSETS),
        &[(Method::Get, Rights::NONE, asset::handle), (Method::Head, Rights::NONE, asset::handle)],
    )
    .in_links(),
    Route::new(
        Area::Below(own_paths::UPLOADS),
        &[
            // Only the folder knows the upload's path, so the folder checks the rights, not the gate.
            //
            // A cache that receives HEAD may send GET instead, as Varnish does; the response has no content either way.
            (Method::Get, Rights::NONE, resumable::offset),
            (Method::Head, Rights::NONE, resumable::offset),
            (Method::Patch, Rights::NONE, resumable::append),
            (Method::Delete, Rights::NONE, resumable::cancel),
        ],
    )
    .with_uploads()
    .in_links(),
    // Users see only their own entries. To restore or discard an entry, they need rights at its path.
    Route::new(
        Area::Exact(own_paths::TRASH),
        &[
            (Method::Get, Rights::NONE, trash::list),
            (Method::Head, Rights::NONE, trash::list),
            (Method::Post, Rights::NONE, trash::form),
            (Method::Delete, Rights::NONE, trash::empty),
        ],
    )
    .in_links(),
    Route::new(
        Area::Within(own_paths::TRASH),
        &[(Method::Post, Rights::NONE, trash::restore), (Method::Delete, Rights::NONE, trash::discard)],
    )
    .in_links(),
    Route::new(Area::Exact(own_paths::UNDO), &[(Method::Post, Rights::NONE, trash::undo)]).in_links(),
    Route::new(Area::Exact(own_paths::CHAT_JOIN), &[(Method::Post, Rights::CHAT, join::handle)]),
    Route::new(Area::Exact(own_paths::CHAT_EVENTS), &[(Method::Get, Rights::CHAT, chat::events)]),
    Route::new(
        Area::Exact(own_paths::CHAT_MESSAGES),
        &[(Method::Get, Rights::CHAT, chat::poll), (Method::Post, Rights::CHAT, chat::say)],
    ),
    Route::new(Area::Exact(own_paths::CHAT_LEAVE), &[(Method::Post, Rights::CHAT, chat::leave)]),
    #[cfg(feature = "qr")]
    Route::new(
        Area::Exact(own_paths::QR_CODE),
        &[(Method::Get, Rights::NONE, qr_code::handle), (Method::Head, Rights::NONE, qr_code::handle)],
    ),
    #[cfg(feature = "qr")]
    Route::new(
        Area::Exact(own_paths::QR_PAGE),
        &[(Method::Get, Rights::NONE, qr_code::page), (Method::Head, Rights::NONE, qr_code::page)],
    ),
    #[cfg(feature = "accounts")]
    Route::new(
        Area::Exact(own_paths::LINKS),
        &[(Method::Get, Rights::NONE, links::list), (Method::Post, Rights::NONE, links::add)],
    ),
    #[cfg(feature = "accounts")]
    Route::new(Area::Within(own_paths::LINKS), &[(Method::Delete, Rights::NONE, links::remove)]),
    #[cfg(feature = "accounts")]
    Route::new(
        Area::Below(own_paths::LINK),
        &[
            (Method::Get, Rights::NONE, link_page::show),
            (Method::Head, Rights::NONE, link_page::show),
            (Method::Post, Rights::NONE, link_page::open),
        ],
    )
    .with_uploads(),
    #[cfg(feature = "accounts")]
    Route::new(
        Area::Exact(own_paths::TOKENS),
        &[(Method::Get, Rights::NONE, tokens::list), (Method::Post, Rights::NONE, tokens::add)],
    ),
    #[cfg(feature = "accounts")]
    Route::new(Area::Within(own_paths::TOKENS), &[(Method::Delete, Rights::NONE, tokens::remove)]),
    #[cfg(feature = "accounts")]
    Route::new(
        Area::Exact(own_paths::LOGIN),
        &[
            (Method::Get, Rights::NONE, login::page),
            (Method::Head, Rights::NONE, login::page),
            (Method::Post, Rights::NONE, login::log_in),
        ],
    ),
    #[cfg(feature = "accounts")]
    Route::new(Area::Exact(own_paths::LOGOUT), &[(Method::Post, Rights::NONE, logout::handle)]),
    #[cfg(feature = "accounts")]
    Route::new(
        Area::Exact(own_paths::SESSIONS),
        &[
            (Method::Get, Rights::NONE, sessions::page),
            (Method::Head, Rights::NONE, sessions::page),
            (Method::Post, Rights::NONE, sessions::end),
        ],
    ),
    #[cfg(feature = "accounts")]
    Route::new(
        Area::Exact(own_paths::PASSWORD),
        &[
            (Method::Get, Rights::NONE, password::page),
            (Method::Head, Rights::NONE, password::page),
            (Method::Post, Rights::NONE, password::change),
        ],
    ),
    Route::new(Area::Exact(own_paths::EXIT), &[(Method::Post, Rights::ADMIN, exit::handle)]),
];
