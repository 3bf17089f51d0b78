//! A target behind a network: a bare machine takes its store from it, and a standby follows it.

use std::any::Any;
use std::fs;

use serde_json::json;

use super::peers::nginx::{DAV, Kind, Nginx};
use super::peers::places::{self, block};
use super::peers::proxy::{Network, Proxy};
use super::peers::sshd::Sshd;
use super::peers::versitygw::Gateway;
use super::support::{TempDir, eventually};
use super::{Home, edgekeep, must_have, option, restore, shipped, shipping, target, write};

/// A server of the kind, running, and the place there as a configuration has it.
type Peer = (Box<dyn Any>, String);

fn s3() -> Peer {
    let gateway = Gateway::start();
    let mut place = places::s3(&gateway.process.address);
    place.push(("path_prefix", "site/box".into()));
    (Box::new(gateway), block(&place))
}

fn trusted_s3() -> Peer {
    let home = TempDir::new();
    let root = home.path().join("root");
    let gateway = Gateway::start_in(home, root, true);
    let certificate = gateway.home.path().join("cert.pem");
    let place = places::trusted(places::s3(&gateway.process.address), certificate);
    (Box::new(gateway), block(&place))
}

fn sftp() -> Peer {
    let sshd = Sshd::start();
    let place = places::sftp(sshd.settings());
    (Box::new(sshd), block(&place))
}

fn http() -> Peer {
    let nginx = Nginx::usual();
    let place = places::http(&nginx.process.address);
    (Box::new(nginx), block(&place))
}

fn trusted_http() -> Peer {
    let nginx = Nginx::start(&Kind { root: None, dav: DAV, tls: true });
    let certificate = nginx.home.path().join("cert.pem");
    let place = places::trusted(places::http(&nginx.process.address), certificate);
    (Box::new(nginx), block(&place))
}

pub fn a_bucket_gives_a_lost_machine_back() {
    comes_back(s3());
}

pub fn a_host_gives_a_lost_machine_back() {
    comes_back(sftp());
}

pub fn a_web_server_gives_a_lost_machine_back() {
    comes_back(http());
}

pub fn a_bucket_whose_certificate_is_its_own_does_too() {
    comes_back(trusted_s3());
}

pub fn a_web_server_whose_certificate_is_its_own_does_too() {
    comes_back(trusted_http());
}

/// A standby has followed all along and takes over; then the lost machine comes back by itself.
fn comes_back((peer, place): Peer) {
    let home = Home::new();
    let (store, mut server) = shipping(&home.at("data"), &target("far", &place, ""));
    write(&store, &server, "first");
    shipped(&store.root(&server), "far");
    let standby = store.moved(&home.at("standby")).with(&["-follow=far"]);
    let mut following = standby.start_sealed();
    let follows = |revision: u64| {
        let health = following.client().get("sys/health");
        let stands = &health.json()["follows"];
        health.status == 472 && stands["revision"].as_u64() >= Some(revision)
    };
    let first = shipped(&store.root(&server), "far");
    eventually("the standby has the first", || follows(first));
    write(&store, &server, "second");
    let second = shipped(&store.root(&server), "far");
    eventually("the standby has the second", || follows(second));
    server.kill();

    let config = option("config", &store.config());
    fs::remove_dir_all(home.at("data")).unwrap();
    let (exit, said) = restore(&[&config]);
    assert_eq!(exit, 0, "{said}");
    must_have(&store, &store.start(), "second");

    // The place is gone when it is promoted: it has what it has.
    drop(peer);
    let (exit, said) = edgekeep(&["promote", &option("config", &standby.config())]);
    assert_eq!(exit, 0, "{said}");
    eventually("it is promoted", || following.client().get("sys/health").status == 503);
    standby.unseal(&following);
    must_have(&standby, &following, "second");
    following.kill();
    let (exit, said) = restore(&[&config, "-force"]);
    assert_eq!(exit, 2, "{said}");
}

pub fn what_is_cut_off_on_its_way_is_got_once_more() {
    let nginx = Nginx::usual();
    let proxy = Proxy::to(&nginx.process.address);
    let home = Home::new();
    let far = target("far", &block(&places::http(&proxy.address)), "");
    let (store, mut server) = shipping(&home.at("data"), &far);
    write(&store, &server, "first");
    shipped(&store.root(&server), "far");
    // Larger than all that is asked for and answered besides.
    let much = json!({ "a": "x".repeat(600_000) });
    assert_eq!(store.root(&server).post("secret/much", much).status, 204);
    let last = shipped(&store.root(&server), "far");
    server.kill();

    proxy.is(Network::Cuts(400_000));
    let standby = store.moved(&home.at("standby")).with(&["-follow=far"]);
    let following = standby.start_sealed();
    let stands = || following.client().get("sys/health").json()["follows"]["revision"].as_u64();
    eventually("the standby has the last", || stands() == Some(last));
    assert!(proxy.is_whole());

    fs::remove_dir_all(home.at("data")).unwrap();
    proxy.is(Network::Cuts(400_000));
    let (exit, said) = restore(&[&option("config", &store.config())]);
    assert!(proxy.is_whole(), "{said}");
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains(&format!("Restored revision {last} ")), "{said}");
    assert!(!said.contains("does not count"), "{said}");
    let server = store.start();
    assert_eq!(store.root(&server).get("secret/much").status, 200);
}
