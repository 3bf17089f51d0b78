//! What a place holds afterwards, read without the server that wrote it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use edgekeep::snapshot::keeper::settings::{Fields, Given, Giver};
use edgekeep::snapshot::layout::{Folder, Kept};
use edgekeep::snapshot::rewind::file;
use edgekeep::snapshot::target::Target;
use edgekeep::snapshot::target::open;
use edgekeep::snapshot::verify::verify;
use serde_json::Value;

use super::place::Place;
use super::support::store::Store;
use super::support::{data, eventually, program};
use super::writers::Written;

/// The revisions of the snapshots there, and the place: while it is held a stick stays lent.
/// Whatever is listed, a snapshot or a part of the journal, is whole.
pub fn snapshots(place: &dyn Place, store: &Store) -> (Arc<dyn Target>, Vec<u64>) {
    let target = target(place);
    let mut listed = Vec::new();
    // A stick is lent a while after it was asked for.
    eventually("it can be listed", || target.list("").map(|there| listed = there).is_ok());
    let mut revisions = Vec::new();
    for object in listed {
        let name = object.name;
        let folder = Folder::of("", &name).unwrap_or_else(|| panic!("{name} is of nobody"));
        let content = target.get(&name).unwrap();
        match folder.read(&name).unwrap_or_else(|| panic!("{name} is of nobody")) {
            Kept::Snapshot(of) => {
                let verified = verify(content, &store.key());
                let verified = verified.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(verified.findings(), [""; 0], "{name}");
                revisions.push(of.revision);
            }
            Kept::Segment(of) => {
                let read = file::read(content, &of, folder.store_id(), None, |_| {});
                read.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            }
        }
    }
    revisions.sort_unstable();
    (target, revisions)
}

fn target(place: &dyn Place) -> Arc<dyn Target> {
    let mut fields = Fields::default();
    for (name, value) in place.settings() {
        let given = match value {
            Value::Bool(flag) => Given::Flag(flag),
            Value::Number(number) => Given::Number(number.as_u64().unwrap()),
            value => Given::Text(value.as_str().unwrap().to_owned()),
        };
        fields.set(name, given);
    }
    open::Place::read(&fields, Giver::Configuration).unwrap().open().unwrap()
}

/// Restores by the command line into the folder `into`, and has it replace nothing where `dry`.
pub fn restore(place: &dyn Place, instant: &str, into: &Path, dry: bool) {
    let config = into.with_extension("hcl");
    let mut text = String::from("storage \"redb\" {\n  path = \"/nowhere\"\n}\n");
    text.push_str("listener \"tcp\" {\n  address = \"127.0.0.1:0\"\n  tls_disable = true\n}\n");
    text.push_str("snapshot \"disk\" {\n  interval = \"24h\"\n");
    for (name, value) in place.settings() {
        let name = if name == "storage_type" { "type" } else { name };
        text.push_str(&format!("  {name} = {value}\n"));
    }
    fs::write(&config, text + "}\n").unwrap();
    let mut command = Command::new(program());
    command.args(["snapshot", "restore", "-target=disk", instant]);
    command.arg(format!("-config={}", config.display())).arg(format!("-into={}", into.display()));
    if dry {
        command.arg("-dry-run");
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}:\n{said}");
}

/// A server over what was restored says what was acknowledged.
pub fn compare(store: &Store, restored: &Path, written: &Written) {
    let copy = store.moved(restored);
    let server = copy.start();
    let root = copy.root(&server);
    for (path, value) in &written.secrets {
        let reply = root.get(path);
        assert_eq!((reply.status, &data(&reply)), (200, value), "{path}");
    }
}
