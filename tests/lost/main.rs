//! A machine is lost: another takes its place from a target alone, or had followed it all along.

mod bare;
mod follower;
#[path = "../support/peers/mod.rs"]
mod peers;
mod remote;
mod replaced;
#[allow(dead_code, reason = "each test uses its own part")]
#[path = "../rewind/site.rs"]
mod site;
mod standby;
mod stick;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use edgekeep::barrier::root::Timeline;
use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::layout::{Folder, Kept};
use serde_json::json;
use site::{made_up, made_up_snapshot};
use support::harness::tests;
use support::http::Client;
use support::store::Store;
use support::{Server, TempDir, data, eventually, program};

tests! {
    bare {
        a_lost_machine_comes_back_from_its_target_alone,
        what_is_torn_is_told_and_what_is_before_it_comes_back,
        a_name_that_somebody_has_made_up_holds_up_nothing,
        what_is_torn_on_one_target_is_whole_on_another,
        a_store_that_is_in_the_way_is_told_once_and_other_histories_under_one_head,
        who_names_the_folder_around_or_in_it_gets_it_too,
        a_restore_that_is_killed_is_run_again,
        a_disk_that_is_too_small_gets_nothing,
        the_files_of_the_machine_come_back_with_its_store,
        the_files_of_the_machine_come_back_as_their_owners,
        several_stores_on_a_target_are_told_apart,
        a_store_that_somebody_has_made_up_is_none,
        a_restore_is_told_to_programs,
        of_each_store_on_a_target_its_present_history_is_told,
        a_sealed_server_takes_nothing_and_says_what_helps,
        a_store_that_is_further_than_what_replaces_it_is_told_of,
        what_a_server_had_that_is_stopped_right_after_a_write_is_all_on_the_target,
        what_a_server_had_that_is_stopped_is_on_each_of_its_targets,
    }
    follower {
        it_goes_along_with_a_random_history,
        it_passes_over_what_one_who_has_left_the_history_wrote,
        it_waits_behind_a_gap_for_the_next_snapshot,
        a_name_that_somebody_has_made_up_hinders_nothing,
        it_is_promoted_while_its_target_hangs_and_takes_nothing_from_it_then,
        it_looks_twice_before_it_tells_of_a_gap,
        what_goes_while_it_looks_is_no_end,
        of_two_histories_that_go_on_it_keeps_to_its_own,
    }
    remote {
        a_bucket_gives_a_lost_machine_back,
        a_host_gives_a_lost_machine_back,
        a_web_server_gives_a_lost_machine_back,
        a_bucket_whose_certificate_is_its_own_does_too,
        a_web_server_whose_certificate_is_its_own_does_too,
        what_is_cut_off_on_its_way_is_got_once_more,
    }
    replaced {
        of_what_the_old_one_wrote_behind_the_instant_that_it_comes_of_nothing_is_its_past,
        what_was_but_a_drill_makes_no_time_unclear,
        what_the_old_one_left_makes_no_time_of_the_new_one_unclear,
        an_old_one_that_wakes_makes_no_time_of_its_past_unclear,
        what_it_left_is_no_gap_where_another_one_goes_on,
    }
    standby {
        a_standby_that_is_killed_at_random_has_all_that_was_shipped,
        a_history_of_which_nothing_verifies_is_not_followed,
        two_that_serve_on_are_told_apart,
        who_is_promoted_is_told_of_what_the_old_one_wrote_after_that,
        what_the_old_one_could_not_ship_before_that_is_told_when_it_comes,
        that_is_told_however_late_it_is_unsealed,
        one_that_serves_follows_no_more_whatever_is_restored_into_it,
        one_that_went_back_too_far_and_forward_again_is_followed,
        who_promotes_one_in_trouble_is_told,
        one_that_has_taken_nothing_is_not_promoted,
        only_a_standby_is_promoted,
        a_standby_tells_in_its_metrics_how_far_it_is,
        one_whose_folder_hangs_at_its_start_says_so_and_follows_once_it_answers,
    }
    stick {
        a_restore_waits_for_the_stick,
        a_stick_that_was_let_go_is_asked_for_before_anything_else_is_taken,
        a_stick_that_is_left_in_is_no_trouble,
    }
}

/// A folder as a place, as a configuration has it.
fn place(disk: &Path) -> String {
    fs::create_dir_all(disk).unwrap();
    format!("type = \"file\"\n  path_prefix = \"{}\"", disk.display())
}

/// A target of that name, with `more` about it.
fn target(name: &str, place: &str, more: &str) -> String {
    let usual = "interval = \"24h\"\n  journal = true";
    format!("snapshot \"{name}\" {{\n  {usual}\n  {place}\n{more}\n}}\n")
}

/// A store with these targets.
fn shipping(folder: &Path, targets: &str) -> (Store, Server) {
    let (store, server) = Store::configured(folder, targets);
    let kv = json!({ "type": "kv", "options": { "version": "1" } });
    assert_eq!(store.root(&server).post("sys/mounts/secret", kv).status, 204);
    (store, server)
}

/// Waits until the target of that name has all that was committed by now.
fn shipped(root: &Client, name: &str) -> u64 {
    let stands = || data(&root.get(&format!("sys/snapshots/targets/{name}")));
    eventually("all is shipped", || {
        stands()["journal"]["behind"] == 0 && stands()["journal"]["revision"].is_u64()
    });
    stands()["journal"]["revision"].as_u64().unwrap()
}

/// Runs the program: its exit code, and what it printed.
fn edgekeep(words: &[&str]) -> (i32, String) {
    let output = Command::new(program()).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
}

/// Runs `edgekeep restore`.
fn restore(words: &[&str]) -> (i32, String) {
    edgekeep(&[&["restore"], words].concat())
}

/// What a machine writes.
fn write(store: &Store, server: &Server, value: &str) {
    let root = store.root(server);
    for number in 0..20 {
        let secret = json!({ "a": format!("{value}-{number}") });
        assert_eq!(root.post(&format!("secret/{number}"), secret).status, 204);
    }
    let policy = json!({ "policy": "path \"secret/*\" { capabilities = [\"read\"] }" });
    assert_eq!(root.post("sys/policies/acl/reader", policy).status, 204);
}

/// And that it has it, and nothing else.
fn must_have(store: &Store, server: &Server, value: &str) {
    let root = store.root(server);
    for number in 0..20 {
        let secret = root.get(&format!("secret/{number}")).json();
        assert_eq!(secret["data"]["a"], format!("{value}-{number}"));
    }
    assert_eq!(root.get("sys/policies/acl/reader").status, 200);
    store.verify(server);
}

/// What lies in a folder, in its order, but the mark of a target.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// Changes a bit of the last segment that a disk has of its only store.
fn damage_the_end(disk: &Path) {
    let journal = disk.join(&names(disk)[0]).join("journal");
    let timeline = journal.join(names(&journal).pop().unwrap());
    let last = timeline.join(names(&timeline).pop().unwrap());
    let mut bytes = fs::read(&last).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&last, bytes).unwrap();
}

/// Puts a file beside the only store on a disk under a name that somebody has made up.
fn junk(disk: &Path, kept: &Kept) {
    junk_of(&names(disk)[0], disk, kept);
}

/// The same of the store of that id.
fn junk_of(store: &str, disk: &Path, kept: &Kept) {
    let path = disk.join(Folder::new("", store).unwrap().name(kept).unwrap().as_str());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "junk").unwrap();
}

/// Of a later history, which began at some time and goes on far into a time to come: a snapshot,
/// and a segment.
fn later(begun: Timestamp) -> [Kept; 2] {
    let timeline = Timeline { number: 9, id: 0xaaaa_aaaa_aaaa_aaaa };
    let segment = made_up(timeline, None, (900, 999), (begun, Timestamp::from_secs(4_000_000_000)));
    [made_up_snapshot(timeline, 999, begun), segment]
}

/// A machine with a disk beside it.
struct Home {
    home: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { home: TempDir::new() }
    }

    /// A path in it.
    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Its server ships to the folder `disk`.
    fn shipping(&self, more: &str) -> (Store, Server) {
        shipping(&self.at("data"), &target("disk", &place(&self.at("disk")), more))
    }
}

fn option(name: &str, path: &Path) -> String {
    format!("-{name}={}", path.display())
}
