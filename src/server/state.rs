//! What all threads of the server share: the folder, the rules, the clocks and the stop signal.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::access::{Access, Principal, Subject, User};
use crate::blocking::Blocking;
use crate::chat::name::Name;
use crate::folder::Folder;
use crate::http::request::Method;
use crate::net::poller::PollEvent;
use crate::server::accounts::Accounts;
use crate::server::allowed_hosts::AllowedHosts;
#[cfg(feature = "accounts")]
use crate::server::ambient_users::AmbientUsers;
use crate::server::base::Base;
use crate::server::cache::Cache;
use crate::server::chat::state::{ChatState, Owner};
use crate::server::connections::lead::Lead;
#[cfg(feature = "archive")]
use crate::server::crcs::Crcs;
use crate::server::directory_changes::DirectoryChanges;
#[cfg(feature = "dav")]
use crate::server::folder_locks::Dav;
use crate::server::hashes::Digests;
use crate::server::jobs::Chores;
use crate::server::jobs::fair_permits::FairPermits;
use crate::server::jobs::permits::Permits;
use crate::server::observe::Observers;
use crate::server::readiness::ReadinessChecks;
use crate::server::request::Scheme;
#[cfg(feature = "thumbs")]
use crate::server::thumbs::Thumbs;
use crate::server::timing::{IdleClock, KeepAlive};
use crate::server::tls::Tls;
use crate::server::trusted_proxies::TrustedProxies;
use crate::stop::Stop;

#[derive(Debug)]
pub(super) struct State {
    pub folder: Folder,
    /// Which principal may do what in it.
    pub access: Access,
    /// The path of the folder, for the recorder; it is never used to open files.
    pub root: PathBuf,
    pub cache: Cache,
    /// What has changed, for the pages that show it.
    pub changes: Arc<DirectoryChanges>,
    /// Limits how many workers may block on the disk.
    pub blocking: Permits,
    /// Runs disk work that no client waits for.
    pub chores: Chores,
    /// Limits how many sweeps of the trash wait.
    pub trash_sweeps: Permits,
    /// Whether a check of the folder hangs.
    pub readiness: ReadinessChecks,
    /// Limits how many archives are created at once.
    #[cfg_attr(not(feature = "archive"), allow(dead_code, reason = "only archives take a permit"))]
    pub archives: FairPermits,
    /// Limits how many searches run at once.
    pub searches: FairPermits,
    /// Limits how much is copied at once.
    pub copies: FairPermits,
    /// Limits the memory of listings.
    pub listings: Permits,
    /// Limits how many connections may use the large send buffer.
    pub large_send_buffers: Permits,
    /// Limits how many UDP transfers may spin between two packets, so that processors are left for others.
    pub spin_permits: Permits,
    pub digests: Digests,
    /// Makes thumbnails, unless that is turned off.
    #[cfg(feature = "thumbs")]
    pub thumbs: Option<Arc<Thumbs>>,
    /// The checksums of files in zips.
    #[cfg(feature = "archive")]
    pub crcs: Arc<Crcs>,
    /// Limits the memory of zips.
    #[cfg(feature = "archive")]
    pub zip_memory: FairPermits,
    /// The host names and origins whose requests are accepted.
    pub allowed_hosts: AllowedHosts,
    /// The path below which a proxy shows this server.
    pub base: Base,
    /// The proxies that may say who their clients are.
    pub proxies: TrustedProxies,
    /// The keep-alive rule, which also limits how long a head may take.
    pub keep_alive: KeepAlive,
    /// How long requests in flight may take when the server stops.
    pub grace: Duration,
    /// After this time without progress, a transfer is aborted.
    pub stall: Duration,
    /// The TCP addresses that it listens on.
    pub tcp: Vec<SocketAddr>,
    /// Measures how long the server has been idle.
    pub idle: Arc<IdleClock>,
    /// Decides which worker polls.
    pub lead: Arc<Lead<PollEvent>>,
    pub stop: Stop,
    /// Whether HTML from the folder may run scripts as the server's own pages, although others may write there.
    pub trust_html: bool,
    /// The pages that a directory shows instead of its listing; the first that exists. `None`: the default.
    pub index: Option<Vec<String>>,
    /// The locks of the folder, if it is served over WebDAV.
    #[cfg(feature = "dav")]
    pub dav: Option<Arc<Dav>>,
    /// Whether clients with the right `admin` may stop the server.
    pub allow_exit: bool,
    /// The chat, if it is enabled.
    pub chat: Option<Arc<ChatState>>,
    /// The observers of every response.
    pub observers: Observers,
    /// The certificates, if it serves over TLS.
    pub tls: Option<Tls>,
    /// The users, if there are any.
    pub accounts: Option<Accounts>,
    /// What identifies the user of a request, besides credentials.
    #[cfg(feature = "accounts")]
    pub ambient_users: AmbientUsers,
    /// Whether nothing can be written over TFTP.
    pub udp_read_only: bool,
}

impl State {
    /// The scheme of its URLs over TCP.
    pub(super) fn scheme(&self) -> Scheme {
        if self.tls.is_some() { Scheme::Https } else { Scheme::Http }
    }

    /// Whether the server has this method at all.
    #[cfg_attr(
        not(feature = "dav"),
        allow(clippy::unused_self, reason = "a build without WebDAV never has it")
    )]
    pub(super) fn has(&self, method: Method) -> bool {
        #[cfg(feature = "dav")]
        let has_dav = self.dav.is_some();
        #[cfg(not(feature = "dav"))]
        let has_dav = false;
        has_dav || !method.is_for_dav()
    }

    /// Whether it makes thumbnails.
    #[cfg_attr(
        not(feature = "thumbs"),
        allow(clippy::unused_self, reason = "a build without thumbnails never makes them")
    )]
    pub(super) fn has_thumbs(&self) -> bool {
        #[cfg(feature = "thumbs")]
        let has_thumbs = self.thumbs.is_some();
        #[cfg(not(feature = "thumbs"))]
        let has_thumbs = false;
        has_thumbs
    }

    /// Whether pages in the folder may act as the server's own: only the owner can write there, or the owner trusts
    /// others.
    pub(super) fn trusts_pages(&self) -> bool {
        self.trust_html || !self.access.lets_anyone_change()
    }

    /// The names of the pages that a directory shows instead of its listing: by default `index.html`, and none if
    /// clients can write, because an uploaded page must not hide the files of others.
    pub(super) fn index_pages(&self) -> &[String] {
        static DEFAULT: LazyLock<[String; 1]> = LazyLock::new(|| ["index.html".to_owned()]);
        match &self.index {
            Some(names) => names,
            None if self.access.lets_anyone_change() => &[],
            None => &*DEFAULT,
        }
    }

    /// Whether each user has their own name, which nobody else may use in the chat.
    pub(super) fn names_users(&self) -> bool {
        self.accounts.as_ref().is_some_and(Accounts::have_names)
    }

    /// Whether a user has this name.
    pub(super) fn is_name_of_user(&self, name: &Name) -> bool {
        self.accounts.as_ref().is_some_and(|accounts| accounts.has_name(name))
    }

    /// The owner of a member of the shared room, by its account; `None` if there is no such account here.
    pub(super) fn owner_of(&self, account: Option<&str>) -> Option<Owner> {
        let Some(name) = account else { return Some(None) };
        self.accounts.as_ref()?.user(name).map(Some)
    }

    /// Whether the user of a request has not changed since; always true without an account.
    pub(super) fn is_current(&self, user: Option<&Arc<User>>) -> bool {
        user.is_none_or(|user| self.accounts.as_ref().is_some_and(|accounts| accounts.is_current(user)))
    }

    /// Rereads the users and their records if the files have changed. Then members leave the chat if their user has
    /// changed or was removed, or if a new user has their name.
    pub(super) fn follow_accounts(&self, disk: Blocking<'_>) {
        let is_new = self.accounts.as_ref().is_some_and(|accounts| accounts.follow_files(disk));
        if is_new {
            self.disown_trash(disk);
        }
        if let Some(chat) = self.chat.as_ref().filter(|_| is_new) {
            chat.dismiss_unless(|name, owner| {
                self.is_current(owner.as_ref()) && (owner.is_some() || !self.is_name_of_user(name))
            });
        }
    }

    /// Deletes the owner from trash entries of users that no longer exist. It does nothing if the users file is gone or
    /// empty: that may be a mistake, and the users must not lose their entries.
    pub(super) fn disown_trash(&self, disk: Blocking<'_>) {
        let Some(accounts) = self.accounts.as_ref().filter(|accounts| accounts.have_names()) else { return };
        if !accounts.has(&Subject::Users) {
            return;
        }
        let is_there =
            |owner: &str| Principal::user_of_owner(owner).is_none_or(|name| accounts.has_user(name));
        if let Err(error) = self.folder.disown_trash(is_there, disk) {
            log::error!("cannot delete former users from entries of the trash: {error}");
        }
    }

    /// Ends the locks whose time is up.
    #[cfg(feature = "dav")]
    pub(super) fn mind_locks(&self, disk: Blocking<'_>) {
        if let Some(dav) = &self.dav {
            dav.expire(disk);
        }
    }

    /// Reopens the folder if its path names another directory now, and clears all caches for the old one.
    pub(super) fn follow_folder(&self, disk: Blocking<'_>) {
        if self.folder.follow(disk) {
            self.cache.clear();
            self.digests.clear();
            #[cfg(feature = "archive")]
            self.crcs.clear();
        }
    }
}
