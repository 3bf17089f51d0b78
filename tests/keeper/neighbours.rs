//! Two targets of one place, which would drop each other's snapshots.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use edgekeep::config;
use serde_json::{Value, json};

use super::folder::held;
use super::snapshots::{target, world};
use super::support::mount::Mount;
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

pub fn two_of_one_place_are_refused_unless_their_files_have_other_names() {
    let home = TempDir::new();
    let disk = home.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let world = world(1, &disk, "  interval = \"24h\"\n  keep_last = 9");
    eventually("there is one", || target(&world.root())["last_good"].is_object());
    let other = json!({ "file_prefix": "other" });
    let journal = json!({ "file_prefix": "third", "journal": true });
    for path in [&disk, &home.path().join("./disk//"), &disk.join(".")] {
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
    assert_eq!(set(&world, "fourth", file(&disk.join("inner"))), None);
    assert!(set(&world, "fourth", file(&home.path().join("later"))).is_some());
    let fourth = data(&world.root().get(&format!("{CONFIG}/fourth")));
    assert_eq!(fourth["path_prefix"], json!(disk.join("inner")));
}

/// What is told of another target that leads to the place of `disk`.
const OF_DISK: &str = "it is the place of target disk too";

/// How a target stands, and why.
fn told(world: &World, name: &str) -> (String, String) {
    let told = data(&world.root().get(&format!("sys/snapshots/targets/{name}")));
    let text = |field: &str| told[field].as_str().unwrap().to_owned();
    (text("state"), text("error"))
}

pub fn a_place_that_links_lead_to_is_told_by_where_they_lead() {
    let home = TempDir::new();
    let (disk, link) = (home.path().join("disk"), home.path().join("link"));
    fs::create_dir(&disk).unwrap();
    symlink(home.path(), &link).unwrap();
    let mut world = world(3, &disk, "  interval = \"24h\"\n  keep_last = 9");
    eventually("there is one", || target(&world.root())["last_good"].is_object());
    let of_store = home.path().join("of-store");
    symlink(world.data(), &of_store).unwrap();
    let cases = [
        ("link", link.join("disk"), OF_DISK),
        ("lost", of_store.join("inner"), "which is lost with it"),
        ("later", home.path().join("later"), "later is not there"),
        // What is not there yet is the same place too.
        ("later2", link.join("later"), "it is the place of target later too"),
    ];
    for (name, path, _) in &cases {
        assert_eq!(set(&world, name, file(path)), None, "by its path it is another place");
    }
    for _ in 0..2 {
        for (name, _, why) in &cases {
            eventually(name, || {
                // Who came first may have been seen there only after the other one.
                world.advance(Duration::from_secs(2));
                told(&world, name).1.contains(why)
            });
            let state = if *name == "later" { "away" } else { "unserved" };
            assert_eq!(told(&world, name).0, state);
        }
        let health = world.client().get("sys/health?snapshots=1").json()["snapshots"].to_string();
        assert!(health.contains("target link: nothing goes there, by its settings"), "{health}");
        world.restart();
    }
    eventually("who came first is well", || target(&world.root())["state"] == "good");
    let listed = held(&disk).snapshots.len();
    assert_eq!(listed, 1, "nobody else has put one there");
    // It is served once the other one is gone.
    assert_eq!(world.root().delete(&format!("{CONFIG}/later")).status, 204);
    world.advance(Duration::from_secs(60));
    eventually("it is the only one", || told(&world, "later2").0 == "away");
}

pub fn a_place_that_a_mount_leads_to_is_told_by_where_it_leads() {
    let home = TempDir::new();
    let disk = home.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let bound = Mount::bind(&disk);
    let mut world = world(4, &disk, "  interval = \"24h\"\n  keep_last = 9");
    eventually("there is one", || target(&world.root())["last_good"].is_object());
    assert_eq!(set(&world, "bound", file(bound.root())), None, "by its path it is another place");
    for _ in 0..2 {
        eventually("it is told", || {
            world.advance(Duration::from_secs(2));
            told(&world, "bound").1.contains(OF_DISK)
        });
        assert_eq!(told(&world, "bound").0, "unserved");
        world.restart();
    }
}

pub fn every_kind_of_place_is_told_again() {
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
    let home = |host: &str, user: &str, path: &str| {
        json!({
            "storage_type": "sftp", "interval": 60, "sftp_host": host, "sftp_username": user,
            "sftp_path": path,
        })
    };
    let http = |url: &str, prefix: &str| json!({ "storage_type": "http", "interval": 60, "http_url": url, "path_prefix": prefix });
    let usb = |volume: &str| json!({ "storage_type": "usb", "interval": 60, "usb_volume": volume });
    let cases = [
        (s3("s.invalid", "a"), s3("s.invalid", "/a/"), s3("s.invalid", "b")),
        (s3("t.invalid", ""), s3("https://T.invalid:443/", ""), s3("t.invalid:9000", "")),
        (s3("", "c"), s3("s3.us-east-1.amazonaws.com", "c"), s3("s3.eu-west-1.amazonaws.com", "c")),
        (sftp("/d", "a", 22), sftp("/d/a/", "", 22), sftp("/d", "a", 23)),
        (sftp("/e/f", "", 22), sftp("/e/.//f", "", 22), sftp("e/f", "", 22)),
        // From the home of each user, or wherever it is.
        (home("i.invalid", "u", "g"), home("I.invalid", "u", "./g"), home("i.invalid", "v", "g")),
        (home("j.invalid", "u", "/g"), home("j.invalid", "v", "/g"), home("j.invalid", "v", "g")),
        (
            http("https://h.invalid/d", "a"),
            http("https://h.invalid/d/a/", ""),
            http("https://h.invalid/d", "b"),
        ),
        (
            http("https://i.invalid/d", ""),
            http("https://I.invalid:443/d", ""),
            http("https://i.invalid/D", ""),
        ),
        (usb("STICK"), usb("STICK"), usb("OTHER")),
    ];
    for (number, (first, same, other)) in cases.into_iter().enumerate() {
        let name = |of: &str| format!("{of}{number}");
        assert_eq!(set(&world, &name("first"), first), None);
        let error = set(&world, &name("same"), same.clone()).expect("refused");
        let remedy = if same["storage_type"] == "usb" { "volume of its own" } else { REMEDY };
        assert!(error.contains(&name("target first")) && error.contains(remedy), "{error}");
        assert_eq!(set(&world, &name("other"), other), None);
    }
}

pub fn a_configuration_with_two_of_one_place_is_none() {
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
