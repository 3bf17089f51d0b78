//! One read of a snapshot that the network ends in the middle: nothing is lost by it.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::peers::nginx::Nginx;
use super::peers::places::{self, Fields, block};
use super::peers::process::files;
use super::peers::proxy::{Network, Proxy};
use super::peers::sshd::Sshd;
use super::peers::versitygw::{BUCKET, Gateway};
use super::support::world::World;
use super::support::{data, eventually};

pub fn a_web_server_keeps_what_was_cut_off_when_it_was_read() {
    let nginx = Nginx::usual();
    let proxy = Proxy::to(&nginx.process.address);
    let place = places::http(&proxy.address);
    stays(71, &place, &proxy, || files(&nginx.home.path().join("root")));
}

pub fn a_bucket_keeps_what_was_cut_off_when_it_was_read() {
    let gateway = Gateway::start();
    let proxy = Proxy::to(&gateway.process.address);
    let place = places::s3(&proxy.address);
    stays(72, &place, &proxy, || files(&gateway.root.join(BUCKET)));
}

pub fn a_host_keeps_what_was_cut_off_when_it_was_read() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(&sshd.process.address);
    let place = places::sftp(sshd.at(&proxy.address));
    stays(73, &place, &proxy, || files(&sshd.root));
}

pub fn what_does_not_read_back_as_it_was_put_takes_no_room() {
    let nginx = Nginx::usual();
    let proxy = Proxy::to(&nginx.process.address);
    let place = block(&places::http(&proxy.address));
    let settings = "interval = \"24h\"\n  keep_last = 30\n  journal = true";
    let world = World::configured(74, &format!("snapshot \"far\" {{\n  {settings}\n  {place}\n}}"));
    let root = world.root();
    let target = || data(&root.get("sys/snapshots/targets/far"));
    let good = || target()["journal"]["behind"] == 0 && target()["last_good"].is_object();
    eventually("there is a first one", good);
    let there = || files(&nginx.home.path().join("root")).len();
    let before = there();
    proxy.is(Network::Flips);
    let much = json!({ "a": "x".repeat(30_000) });
    assert_eq!(root.post("secret/a", much).status, 204);
    root.post("sys/snapshots/targets/far/take", json!({}));
    let errors = target()["errors"].as_u64().unwrap();
    eventually("it was tried a few times", || {
        world.advance(Duration::from_secs(2));
        target()["errors"].as_u64().unwrap() > errors + 4
    });
    let told = target()["error"].as_str().unwrap().to_owned();
    assert!(told.contains("is not what was put there"), "{told}");
    // One of them may be there while it is looked at.
    assert!(there() <= before + 1, "{before} and {}", there());
    proxy.is(Network::Whole);
    eventually("it is well again", || {
        world.advance(Duration::from_secs(2));
        good() && target()["state"] == "good"
    });
}

pub fn a_newest_snapshot_that_a_web_server_does_not_give_after_a_restart_holds_up_nothing() {
    for (seed, status) in [(75, 403), (76, 500)] {
        let nginx = Nginx::usual();
        let place = block(&places::http(&nginx.process.address));
        let settings = "interval = \"24h\"\n  keep_last = 30\n  journal = true";
        let more = format!("snapshot \"far\" {{\n  {settings}\n  {place}\n}}");
        let mut world = World::configured(seed, &more);
        let target = |world: &World| data(&world.root().get("sys/snapshots/targets/far"));
        let is_well = |world: &World| {
            let target = target(world);
            target["state"] == "good" && target["damage"] == "" && target["journal"]["behind"] == 0
        };
        eventually("there is a first one", || is_well(&world));
        world.root().post("secret/a", json!({ "b": "c" }));
        eventually("the journal is there", || is_well(&world));
        let root = nginx.home.path().join("root");
        let before = files(&root);
        let is_snapshot = |path: &&PathBuf| path.extension().is_some_and(|kind| kind == "snap");
        let only = before.iter().find(is_snapshot).unwrap();
        world.while_off(|_| nginx.refuses(only, status));
        world.root().post("secret/a", json!({ "b": "d" }));
        eventually("all is shipped, and a new one is good", || {
            world.advance(Duration::from_secs(5));
            is_well(&world)
        });
        let there = files(&root);
        assert!(there.contains(only));
        assert_eq!(there.iter().filter(is_snapshot).count(), 2);
        let told = target(&world)["unusable"].as_str().unwrap().to_owned();
        assert!(told.starts_with("1 of the files there cannot be read, as http"), "{told}");
    }
}

/// The newest snapshot is cut off when it is read back, then the target is away, then it is cut off
/// once more: it is told that it cannot be read, is read at last, and counts.
fn stays(seed: u64, place: &Fields, proxy: &Proxy, files: impl Fn() -> Vec<PathBuf>) {
    let (settings, place) = ("interval = \"24h\"\n  keep_last = 30", block(place));
    let world =
        World::configured(seed, &format!("snapshot \"far\" {{\n  {settings}\n  {place}\n}}"));
    let root = world.root();
    let target = || data(&root.get("sys/snapshots/targets/far"));
    eventually("there is a first one", || target()["last_good"].is_object());
    for number in 0..4 {
        let much = json!({ "a": "x".repeat(300_000) });
        assert_eq!(root.post(&format!("secret/{number}"), much).status, 204);
    }
    let first = target()["last_good"]["revision"].clone();
    root.post("sys/snapshots/targets/far/take", json!({}));
    eventually("there is another", || target()["last_good"]["revision"] != first);
    let good = || target()["last_good"]["url"].clone();
    let (newest, there) = (good(), files());

    let verified = || target()["verifications"].as_u64().unwrap();
    proxy.is(Network::Cuts(200_000));
    root.post("sys/snapshots/targets/far/verify", json!({}));
    eventually("it was cut off", || proxy.is_whole());
    eventually("that is told", || {
        let told = target()["error"].as_str().unwrap().to_owned();
        told.contains("cannot be read") || verified() > 0
    });
    // A file that cannot be read for a minute is bad; but not of a target that is away meanwhile.
    proxy.is(Network::Deaf(0));
    eventually("it is away", || {
        world.advance(Duration::from_secs(2));
        let told = target()["error"].as_str().unwrap().to_owned();
        target()["state"] == "away" && !told.contains("cannot be read")
    });
    world.advance(Duration::from_secs(70));
    proxy.is(Network::Cuts(200_000));
    eventually("it was cut off once more", || {
        world.advance(Duration::from_secs(2));
        proxy.is_whole()
    });
    eventually("it is read once more", || {
        world.advance(Duration::from_secs(2));
        target()["state"] == "good" && good() == newest
    });
    root.post("sys/snapshots/targets/far/take", json!({}));
    eventually("what is not needed would go", || good() != newest);
    for file in there {
        assert!(file.is_file(), "{} is gone", file.display());
    }
    let told = root.get("sys/metrics?format=prometheus").body;
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("edgekeep_snapshot_target_damages_total{target=\"far\"} 0"), "{told}");
}
