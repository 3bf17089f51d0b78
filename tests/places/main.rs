//! Each kind of place for snapshots and journal in trouble, under the built server that writes
//! there: it serves on meanwhile, catches up by itself, and what it acknowledged can be restored.
//! (`tests/targets` and `tests/remote` try the same places without a server.)
//! What needs root or a program that is missing is ignored.

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
use support::harness::tests;

tests! {
    self {
        a_folder_in_trouble for Trouble::ALL,
        a_folder_that_is_moved_away,
        a_stick_in_trouble for Trouble::ALL,
        a_webdav_server_in_trouble for Trouble::ALL,
        a_bucket_in_trouble for Trouble::ALL,
        a_host_in_trouble for Trouble::ALL,
        a_journal_that_comes_to_its_limit for KINDS,
        a_place_that_is_left_behind for KINDS,
        a_server_that_dies_while_its_place_is_away for KINDS,
    }
}

fn a_folder_in_trouble(trouble: Trouble) {
    Scenario::usual(trouble).run(&mut folder::Local::mounted());
}

fn a_folder_that_is_moved_away() {
    Scenario::usual(Trouble::Cut).run(&mut folder::Local::moved());
}

fn a_stick_in_trouble(trouble: Trouble) {
    Scenario::usual(trouble).run(&mut stick::Stick::plugged());
}

fn a_webdav_server_in_trouble(trouble: Trouble) {
    Scenario::usual(trouble).run(&mut remote::nginx(trouble));
}

fn a_bucket_in_trouble(trouble: Trouble) {
    Scenario::usual(trouble).run(&mut remote::versitygw(trouble));
}

fn a_host_in_trouble(trouble: Trouble) {
    Scenario::usual(trouble).run(&mut remote::sshd(trouble));
}

fn a_journal_that_comes_to_its_limit(kind: &str) {
    Scenario::limited().run(&mut *of(kind));
}

fn a_place_that_is_left_behind(kind: &str) {
    Scenario::left_behind().run(&mut *of(kind));
}

fn a_server_that_dies_while_its_place_is_away(kind: &str) {
    Scenario::killed().run(&mut *of(kind));
}

/// A near place, or a far one, that goes away; the second as one that any user can move away.
const KINDS: [&str; 3] = ["file", "moved", "http"];

fn of(kind: &str) -> Box<dyn Place> {
    match kind {
        "file" => Box::new(folder::Local::mounted()),
        "moved" => Box::new(folder::Local::moved()),
        _ => Box::new(remote::nginx(Trouble::Cut)),
    }
}
