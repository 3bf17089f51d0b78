//! Each kind of place for snapshots and journal in trouble, under the built server that writes
//! there: it serves on meanwhile, catches up by itself, and what it acknowledged can be restored.
//! (`tests/targets` and `tests/remote` try the same places without a server.)
//!
//! Where root or a program is missing its tests are skipped, and that is printed, captured or not.

mod disk;
mod folder;
#[path = "../support/peers/mod.rs"]
mod peers;
mod place;
mod remote;
mod restored;
mod scenario;
mod stick;
#[path = "../support/mod.rs"]
mod support;
mod writers;

use place::{Place, Trouble};
use scenario::Scenario;

/// A place of its own for each trouble; `start` gives none, and says so, where it cannot be had.
fn all<P: Place>(start: impl Fn() -> Option<P>) {
    for trouble in Trouble::ALL {
        let Some(mut place) = start() else { return };
        if place.can(trouble) {
            Scenario::usual(trouble).run(&mut place);
        } else {
            support::skipped(place.kind(), format!("{trouble:?} needs a disk of its own, of root"));
        }
    }
}

#[test]
fn a_folder_in_trouble() {
    all(folder::Local::start);
}

#[test]
fn a_stick_in_trouble() {
    all(stick::Stick::start);
}

#[test]
fn a_webdav_server_in_trouble() {
    all(remote::nginx);
}

#[test]
fn a_bucket_in_trouble() {
    all(remote::versitygw);
}

#[test]
fn a_host_in_trouble() {
    all(remote::sshd);
}

#[test]
fn a_journal_that_comes_to_its_limit() {
    each(Scenario::limited);
}

#[test]
fn a_place_that_is_left_behind() {
    each(Scenario::left_behind);
}

#[test]
fn a_server_that_dies_while_its_place_is_away() {
    each(Scenario::killed);
}

/// A near place and a far one.
fn each(scenario: impl Fn() -> Scenario) {
    let mut places: Vec<Box<dyn Place>> = Vec::new();
    places.extend(folder::Local::start().map(|place| Box::new(place) as Box<dyn Place>));
    places.extend(remote::nginx().map(|place| Box::new(place) as Box<dyn Place>));
    for mut place in places {
        scenario().run(&mut *place);
    }
}
