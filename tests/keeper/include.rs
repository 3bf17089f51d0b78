//! Files of the machine that go along are in the journal soon after they have changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use edgekeep::snapshot::include::{MOST_FILES, gather};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

use super::snapshots::{target, world};
use super::support::{TempDir, data, eventually};

pub fn what_changes_between_two_snapshots_is_in_the_journal() {
    let (folder, etc) = (TempDir::new(), TempDir::new());
    let file = etc.path().join("edgekeep.hcl");
    fs::write(&file, "before").unwrap();
    let include = etc.path().display();
    let settings = format!("  interval = \"24h\"\n  journal = true\n  include = [\"{include}\"]");
    let world = world(40, folder.path(), &settings);
    let root = world.root();
    let shown = data(&root.get("sys/storage/raft/snapshot-auto/config/disk"));
    assert_eq!(shown["include"], json!([etc.path()]));
    let shipped = || {
        let journal = target(&root)["journal"].clone();
        journal["revision"].as_u64().filter(|_| journal["behind"] == 0)
    };
    let changes = || {
        let told = data(&root.get("sys/snapshots/targets/disk/log"));
        let commits = told["commits"].as_array().unwrap().clone();
        commits.iter().filter(|commit| commit.to_string().contains("core/files")).count()
    };
    eventually("all is shipped", || shipped().is_some());
    let before = changes();
    fs::write(&file, "after").unwrap();
    world.advance(Duration::from_secs(61));
    eventually("the change is told and shipped", || changes() > before && shipped().is_some());
    assert_eq!(target(&root)["snapshots"], 1, "no snapshot was taken for it");
}

pub fn what_is_no_file_keeps_nothing_back() {
    let (folder, etc) = (TempDir::new(), TempDir::new());
    // Nobody ever writes to it.
    let pipe = etc.path().join("pipe");
    mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    for number in 0..70 {
        fs::write(etc.path().join(number.to_string()), "1").unwrap();
    }
    // All of the machine is behind it.
    symlink("/", etc.path().join("root")).unwrap();
    let include = etc.path().display();
    let settings = format!("  interval = \"24h\"\n  journal = true\n  include = [\"{include}\"]");
    let world = world(41, folder.path(), &settings);
    eventually("there is a snapshot", || target(&world.root())["last_good"].is_object());
}

pub fn what_does_not_go_along_is_told_and_a_link_back_hides_nothing() {
    let (folder, etc) = (TempDir::new(), TempDir::new());
    let first = etc.path().join("first");
    fs::create_dir_all(first.join("deep")).unwrap();
    for (name, to) in [("back", "."), ("up", ".."), ("far", "/"), ("deep/back", "..")] {
        symlink(to, first.join(name)).unwrap();
    }
    symlink("/proc/kmsg", first.join("kernel")).unwrap();
    for number in 0..60 {
        fs::write(first.join(number.to_string()), "1").unwrap();
    }
    let last = etc.path().join("last");
    fs::write(&last, "2").unwrap();
    let include = format!("[\"{}\", \"{}\"]", first.display(), last.display());
    let settings = format!("  interval = \"24h\"\n  include = {include}");
    let world = world(42, folder.path(), &settings);
    let told = || target(&world.root())["not_included"].clone();
    eventually("there is a snapshot", || target(&world.root())["last_good"].is_object());
    let told: Vec<String> = serde_json::from_value(told()).unwrap();
    let wanted = [
        ("back", "it is a link back to a folder that it lies in"),
        ("deep/back", "it is a link back to a folder that it lies in"),
        ("far", "it is a link back to a folder that it lies in"),
        ("kernel", "it is no file, but of the running system"),
        ("up", "it is a link back to a folder that it lies in"),
    ];
    let wanted = wanted.map(|(name, why)| format!("{}: {why}", first.join(name).display()));
    assert_eq!(told, wanted, "and nothing is too much");
}

pub fn what_is_named_itself_goes_before_what_lies_in_a_folder() {
    let etc = TempDir::new();
    let (many, last) = (etc.path().join("many"), etc.path().join("last"));
    fs::create_dir(&many).unwrap();
    for number in 0..70 {
        fs::write(many.join(number.to_string()), "1").unwrap();
    }
    fs::write(&last, "2").unwrap();
    let gathered = gather(&[many, last.clone()]);
    assert_eq!(gathered.files.len(), MOST_FILES);
    assert!(gathered.files.iter().any(|file| Path::new(&file.path) == last));
    assert_eq!(gathered.missed.len(), 1);
}
