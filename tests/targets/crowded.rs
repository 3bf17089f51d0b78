//! A folder full of files that somebody else has put under names like ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::support::store::Store;
use super::support::{TempDir, data, eventually, program};

const MANY: usize = 100;

/// Every file of the journal below a folder, in their order.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let inner = |path: PathBuf| match path.is_dir() {
        true => segments(&path),
        false => vec![path],
    };
    let all = fs::read_dir(folder).unwrap().flat_map(|entry| inner(entry.unwrap().path()));
    let mut all: Vec<_> =
        all.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    all.sort_unstable();
    all
}

pub fn of_very_many_files_that_count_as_absent_the_log_names_some() {
    let home = TempDir::new();
    let disk = home.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let (store, server) = Store::make(&home.path().join("data"));
    let root = store.root(&server);
    assert_eq!(root.post("sys/mounts/secret", json!({ "type": "kv" })).status, 204);
    let set = json!({
        "storage_type": "file", "interval": "24h", "path_prefix": disk, "journal": true,
    });
    assert_eq!(root.post("sys/storage/raft/snapshot-auto/config/disk", set).status, 204);
    let status = || data(&root.get("sys/snapshots/targets/disk"));
    let all_is_there = || {
        assert_eq!(root.post("secret/a", json!({ "b": "c" })).status, 204);
        eventually("all is there", || status()["journal"]["behind"] == 0);
    };
    eventually("there is a base", || status()["last_good"].is_object());
    (0..2).for_each(|_| all_is_there());
    let own = segments(&disk).pop().unwrap();
    let name = own.file_name().unwrap().to_str().unwrap().to_owned();
    let (rest, _) = name.strip_suffix(".seg").unwrap().rsplit_once('.').unwrap();
    for number in 0..MANY {
        fs::write(own.with_file_name(format!("{rest}.{number:016x}.seg")), "made up").unwrap();
    }
    // It is looked there at the next start.
    drop(server);
    let server = store.start();
    let root = store.root(&server);
    eventually("it is told of all", || {
        let told = data(&root.get("sys/snapshots/targets/disk"))["unusable"].clone();
        told.as_str().unwrap().starts_with("100 of the files there do not verify, as ")
    });
    let output = server.output();
    let lines = output.lines().filter(|line| line.contains("counts as absent"));
    assert!(lines.clone().all(|line| !line.contains("the snapshot")), "{output}");
    assert_eq!(lines.count(), 20, "{output}");
    assert!(output.contains("80 more files there count as absent"), "{output}");
    // And a command that comes upon them, on a machine that knows of none what it is.
    let into = home.path().join("restored");
    let mut restore = Command::new(program());
    restore.args(["snapshot", "restore", "-dry-run", "-at=latest"]);
    restore.arg(format!("-target={}", disk.display())).arg(format!("-into={}", into.display()));
    let done = restore.output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}");
    let lines = told.lines().filter(|line| line.contains("does not count"));
    assert_eq!(lines.count(), 21, "{told}");
    assert!(told.contains("each of 80 more files there"), "{told}");
}
