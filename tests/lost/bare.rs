//! A bare machine, and a target.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::support::store::Store;
use super::support::{Server, TempDir};
use super::{shipped, shipping, shipping_with};

/// Runs `edgekeep restore`: its exit code, and what it printed.
fn restore(words: &[&str]) -> (i32, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_edgekeep")).arg("restore").args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
}

fn write(store: &Store, server: &Server, value: &str) {
    let root = store.root(server);
    for number in 0..20 {
        let secret = json!({ "a": format!("{value}-{number}") });
        assert_eq!(root.post(&format!("secret/{number}"), secret).status, 204);
    }
    let policy = json!({ "policy": "path \"secret/*\" { capabilities = [\"read\"] }" });
    assert_eq!(root.post("sys/policies/acl/reader", policy).status, 204);
    shipped(&root);
}

fn must_have(store: &Store, server: &Server, value: &str) {
    let root = store.root(server);
    for number in 0..20 {
        let secret = root.get(&format!("secret/{number}")).json();
        assert_eq!(secret["data"]["a"], format!("{value}-{number}"));
    }
    assert_eq!(root.get("sys/policies/acl/reader").status, 200);
    store.verify(server);
}

/// Every file below a folder, by its name.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inner) = folders.pop() {
        for name in names(&inner) {
            let path = inner.join(&name);
            if path.is_dir() { folders.push(path) } else { found.push((name, path)) }
        }
    }
    found
}

/// All but the mark.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

#[test]
fn a_lost_machine_comes_back_from_its_target_alone() {
    let home = TempDir::new();
    let (folder, disk) = (home.path().join("data"), home.path().join("disk"));
    fs::create_dir(&disk).unwrap();
    let (store, mut server) = shipping(&folder, &disk);
    write(&store, &server, "first");
    write(&store, &server, "second");
    server.kill();
    fs::remove_dir_all(&folder).unwrap();
    let config = format!("-config={}", store.config().display());

    let (exit, said) = restore(&[&config, "-dry-run"]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("Would restore revision "), "{said}");
    assert!(!folder.exists(), "nothing is made");
    let (exit, said) = restore(&[&config]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("Success! Restored revision "), "{said}");
    assert!(said.contains("edgekeep operator unseal"), "{said}");
    let (exit, said) = restore(&[&config]);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("there is a store in"), "{said}");

    let server = store.start();
    must_have(&store, &server, "second");
    // It goes on where it was, in a history of its own.
    write(&store, &server, "third");
    drop(server);
    fs::remove_dir_all(&folder).unwrap();
    let (config, address) = (format!("-config={}", store.config().display()), store.address());
    let server = Server::start(&["restore", &config, "-target=disk", "-start"], address);
    store.unseal(&server);
    must_have(&store, &server, "third");
}

#[test]
fn what_is_torn_is_told_and_what_is_before_it_comes_back() {
    let home = TempDir::new();
    let (folder, disk) = (home.path().join("data"), home.path().join("disk"));
    fs::create_dir(&disk).unwrap();
    let (store, mut server) = shipping(&folder, &disk);
    // The first may be in the snapshot, the second is in the journal alone.
    write(&store, &server, "first");
    write(&store, &server, "second");
    server.kill();
    let one = disk.join(&names(&disk)[0]).join("journal");
    let journal = one.join(&names(&one)[0]);
    let last = journal.join(names(&journal).pop().unwrap());
    let mut bytes = fs::read(&last).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&last, bytes).unwrap();
    let into = home.path().join("new");
    let words = [&*format!("-target={}", disk.display()), &format!("-into={}", into.display())];
    let (exit, said) = restore(&words);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("does not count"), "{said}");
    assert!(said.contains("More was committed than is here"), "{said}");
    store.moved(&into).start();
}

#[test]
fn the_files_of_the_machine_come_back_with_its_store() {
    let home = TempDir::new();
    let (folder, disk) = (home.path().join("data"), home.path().join("disk"));
    let etc = home.path().join("etc");
    fs::create_dir(&disk).unwrap();
    fs::create_dir_all(etc.join("tls")).unwrap();
    let (unit, key) = (etc.join("edgekeep.service"), etc.join("tls/key.pem"));
    fs::write(&unit, "[Service]\n").unwrap();
    fs::write(&key, "secret key").unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let include = format!("  include = [\"{}\"]", etc.display());
    let (store, mut server) = shipping_with(&folder, &disk, &include);
    write(&store, &server, "first");
    server.kill();
    for (name, path) in files(&disk) {
        let bytes = fs::read(path).unwrap();
        assert!(!bytes.windows(10).any(|part| part == b"secret key"), "{name}");
    }
    fs::remove_dir_all(&folder).unwrap();
    fs::remove_dir_all(etc.join("tls")).unwrap();
    fs::write(&unit, "[Unit]\n").unwrap();
    let target = format!("-target={}", disk.display());
    let into = format!("-into={}", folder.display());
    let (exit, said) = restore(&[&target, &into, "-include", &store.unseal_key()]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains(&format!("Put back {}", key.display())), "{said}");
    assert!(said.contains("-force replaces it"), "{said}");
    assert_eq!(fs::read(&key).unwrap(), b"secret key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(fs::read(&unit).unwrap(), b"[Unit]\n", "what is there is not written over");
    let server = store.start();
    must_have(&store, &server, "first");
}

#[test]
fn several_stores_on_a_target_are_told_apart() {
    let home = TempDir::new();
    let disk = home.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let (one, first) = shipping(&home.path().join("one"), &disk);
    let (two, second) = shipping(&home.path().join("two"), &disk);
    write(&one, &first, "one");
    write(&two, &second, "two");
    let into = home.path().join("new");
    let target = format!("-target={}", disk.display());
    let to = format!("-into={}", into.display());
    let (exit, said) = restore(&[&target, &to]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("There are several stores"), "{said}");
    assert!(!into.exists());
    let ids = names(&disk);
    assert_eq!(ids.len(), 2);
    assert!(ids.iter().all(|id| said.contains(id.as_str())), "{said}");
    let health = second.client().get("sys/health").json();
    let id = format!("-store={}", health["cluster_id"].as_str().unwrap());
    let (exit, said) = restore(&[&target, &to, &id]);
    assert_eq!(exit, 0, "{said}");
    drop((first, second));
    let two = two.moved(&into);
    let server = two.start();
    must_have(&two, &server, "two");
}
