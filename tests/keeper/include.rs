//! Files of the machine that go along are in the journal soon after they have changed.

use std::fs;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::snapshots::{target, world};
use super::support::{TempDir, data, eventually};

#[test]
fn what_changes_between_two_snapshots_is_in_the_journal() {
    let (folder, etc) = (TempDir::new(), TempDir::new());
    let file = etc.path().join("edgekeep.hcl");
    fs::write(&file, "before").unwrap();
    let include = etc.path().display();
    let settings = format!("  interval = \"24h\"\n  journal = true\n  include = [\"{include}\"]");
    let world = world(40, folder.path(), &settings);
    let root = world.root();
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

#[test]
fn what_is_no_file_keeps_nothing_back() {
    let (folder, etc) = (TempDir::new(), TempDir::new());
    // Nobody ever writes to it.
    let pipe = etc.path().join("pipe");
    mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    for number in 0..70 {
        fs::write(etc.path().join(number.to_string()), "1").unwrap();
    }
    // All of the machine is behind it.
    std::os::unix::fs::symlink("/", etc.path().join("root")).unwrap();
    let include = etc.path().display();
    let settings = format!("  interval = \"24h\"\n  journal = true\n  include = [\"{include}\"]");
    let world = world(41, folder.path(), &settings);
    eventually("there is a snapshot", || target(&world.root())["last_good"].is_object());
}
