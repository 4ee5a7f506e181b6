//! When an upload is acknowledged, it is on the disk: on a file system that counts `fsync`, and that fails.

use std::thread;

use crate::common::fuse::{Mount, What, are_durable, faults};
use crate::common::{Wharf, Wire};

/// How many clients upload at once, and how many files each.
const CLIENTS: usize = 16;
const FILES: usize = 8;

/// Uploads files into a few directories, from many clients at once. Returns their paths, and the codes of the responses.
fn upload(wharf: &Wharf) -> (Vec<String>, Vec<u16>) {
    let path = |client: usize, number: usize| format!("in/{}/{client}-{number}", number % 2);
    let upload_some = |client: usize| {
        let mut wire: Wire = wharf.connect();
        let put = |number| wire.ask("PUT", &format!("/{}", path(client, number)), "", b"x").code();
        (0..FILES).map(put).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || upload_some(client))).collect();
        let codes = clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect();
        let paths = (0..CLIENTS).flat_map(|client| (0..FILES).map(move |number| path(client, number)));
        (paths.collect(), codes)
    })
}

#[test]
fn each_upload_is_synced_before_it_is_acknowledged() {
    let Some(mount) = Mount::new() else { return };
    let wharf = Wharf::serve_in(mount.place(), &[]);
    let (paths, codes) = upload(&wharf);
    // The responses have arrived: nothing that is recorded later counts.
    let events = mount.events();
    assert!(codes.iter().all(|code| *code == 201), "{codes:?}");
    are_durable(&events, &paths);
    let count = |what| events.iter().filter(|event| event.what == what).count();
    let (named, synced) = (count(What::Name), count(What::FsyncDir));
    assert!(synced < named, "uploads into one directory share its fsync: {synced} for {named}");
}

#[test]
fn a_directory_that_cannot_be_synced_fails_every_upload_into_it() {
    for (fault, code) in [(faults::FSYNCDIR_EIO, 500), (faults::FSYNCDIR_EINVAL, 201)] {
        let Some(mount) = Mount::new() else { return };
        mount.set(&[fault]);
        let wharf = Wharf::serve_in(mount.place(), &[]);
        let (_, codes) = upload(&wharf);
        assert!(codes.iter().all(|got| *got == code), "{fault}: {codes:?}");
    }
}
