//! Two targets of one place, which would drop each other's snapshots.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use edgekeep::config;
use serde_json::{Value, json};

use super::snapshots::{target, world};
use super::support::world::World;
use super::support::{TempDir, data, eventually};

const CONFIG: &str = "sys/storage/raft/snapshot-auto/config";
const REMEDY: &str = "path_prefix of its own";

const LISTENER: &str = "listener \"tcp\" {\n  address = \"127.0.0.1:0\"\n  tls_disable = true\n}\n";

/// Sets a target; what is wrong with it, if anything is.
fn set(world: &World, name: &str, sent: Value) -> Option<String> {
    let reply = world.root().post(&format!("{CONFIG}/{name}"), sent);
    match reply.status {
        204 => None,
        status => {
            assert_eq!(status, 400);
            Some(reply.json()["errors"][0].as_str().unwrap().to_owned())
        }
    }
}

fn file(path: &Path) -> Value {
    json!({ "storage_type": "file", "path_prefix": path, "interval": "24h" })
}

fn with(mut sent: Value, more: &Value) -> Value {
    sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    sent
}

#[test]
fn two_of_one_place_are_refused_unless_their_files_have_other_names() {
    let home = TempDir::new();
    let (disk, link) = (home.path().join("disk"), home.path().join("link"));
    fs::create_dir(&disk).unwrap();
    symlink(home.path(), &link).unwrap();
    let world = world(1, &disk, "  interval = \"24h\"\n  keep_last = 9");
    eventually("there is one", || target(&world.root())["last_good"].is_object());
    let other = json!({ "file_prefix": "other" });
    let journal = json!({ "file_prefix": "third", "journal": true });
    for path in [&disk, &link.join("disk"), &disk.join(".")] {
        for sent in [file(path), with(file(path), &journal)] {
            let error = set(&world, "second", sent).unwrap();
            assert!(error.contains("target disk") && error.contains(REMEDY), "{error}");
        }
    }
    assert_eq!(world.root().list(CONFIG).json()["data"]["keys"], json!(["disk"]));
    // Each drops those of its own prefix.
    assert_eq!(set(&world, "second", with(file(&disk), &other)), None);
    assert_eq!(set(&world, "second", json!({ "retain": 3 })), None, "not against itself");
    let error = set(&world, "third", with(file(&disk), &other)).unwrap();
    assert!(error.contains("target second"), "{error}");
    // What is not there yet is the same place too.
    assert_eq!(set(&world, "third", file(&home.path().join("later"))), None);
    assert!(set(&world, "fourth", file(&link.join("later"))).is_some());
    assert_eq!(set(&world, "fourth", file(&disk.join("inner"))), None);
    assert!(set(&world, "fourth", file(&home.path().join("later"))).is_some());
    let fourth = data(&world.root().get(&format!("{CONFIG}/fourth")));
    assert_eq!(fourth["path_prefix"], json!(disk.join("inner")));
}

#[test]
fn every_kind_of_place_is_told_again() {
    let world = World::new(2);
    let s3 = |endpoint: &str, prefix: &str| {
        json!({
            "storage_type": "aws-s3", "interval": 60, "aws_s3_bucket": "bucket", "path_prefix": prefix,
            "aws_s3_endpoint": endpoint, "aws_access_key_id": "i", "aws_secret_access_key": "s",
        })
    };
    let sftp = |path: &str, prefix: &str, port: u16| {
        json!({
            "storage_type": "sftp", "interval": 60, "sftp_host": "h.invalid", "sftp_path": path,
            "path_prefix": prefix, "sftp_port": port,
        })
    };
    let http = |url: &str, prefix: &str| json!({ "storage_type": "http", "interval": 60, "http_url": url, "path_prefix": prefix });
    let usb = |volume: &str| json!({ "storage_type": "usb", "interval": 60, "usb_volume": volume });
    let cases = [
        (s3("s.invalid", "a"), s3("s.invalid", "/a/"), s3("s.invalid", "b")),
        (sftp("/d", "a", 22), sftp("/d/a/", "", 22), sftp("/d", "a", 23)),
        (
            http("https://h.invalid/d", "a"),
            http("https://h.invalid/d/a/", ""),
            http("https://h.invalid/d", "b"),
        ),
        (usb("STICK"), usb("STICK"), usb("OTHER")),
    ];
    for (number, (first, same, other)) in cases.into_iter().enumerate() {
        let name = |of: &str| format!("{of}{number}");
        assert_eq!(set(&world, &name("first"), first), None);
        let error = set(&world, &name("same"), same.clone()).expect("refused");
        let remedy = if number == 3 { "volume of its own" } else { REMEDY };
        assert!(error.contains(&name("target first")) && error.contains(remedy), "{error}");
        assert_eq!(set(&world, &name("other"), other), None);
    }
}

#[test]
fn a_configuration_with_two_of_one_place_is_none() {
    let home = TempDir::new();
    let path = home.path().join("c.hcl");
    let read = |more: &str| {
        let disk = home.path().display();
        let block = |name: &str, more: &str| {
            format!(
                "snapshot \"{name}\" {{\n  type = \"file\"\n  path_prefix = \"{disk}\"\n  \
                 interval = \"24h\"\n{more}}}\n"
            )
        };
        let text =
            format!("storage \"inmem\" {{}}\n{LISTENER}{}{}", block("a", ""), block("b", more));
        fs::write(&path, text).unwrap();
        config::read(std::slice::from_ref(&path), &|_| None)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let error = read("").unwrap_err();
    assert!(error.contains("target a") && error.contains(REMEDY), "{error}");
    assert!(read("  file_prefix = \"b\"\n  journal = true\n").is_err());
    assert_eq!(read("  file_prefix = \"b\"\n"), Ok(()));
}
