//! A target behind a network: a bare machine takes its store from it, and a standby follows it.

use std::any::Any;
use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::peers::nginx::Nginx;
use super::peers::proxy::{Network, Proxy};
use super::peers::sshd::Sshd;
use super::peers::versitygw::{BUCKET, Gateway};
use super::support::eventually;
use super::{Home, edgekeep, must_have, option, restore, shipped, shipping, target, write};

/// A server of the kind, running, and the place there as a configuration has it.
type Peer = (Box<dyn Any>, String);

fn s3() -> Option<Peer> {
    let gateway = Gateway::start()?;
    let place = format!(
        "type = \"aws-s3\"\n  aws_s3_bucket = \"{BUCKET}\"\n  aws_s3_region = \"eu-test\"\n  \
         aws_s3_endpoint = \"{}\"\n  aws_s3_disable_tls = true\n  \
         aws_access_key_id = \"backup\"\n  aws_secret_access_key = \"s3cret\"\n  \
         path_prefix = \"site/box\"",
        gateway.process.address
    );
    Some((Box::new(gateway), place))
}

fn sftp() -> Option<Peer> {
    let sshd = Sshd::start()?;
    let settings = sshd.settings();
    let shown = |path: Option<PathBuf>| path.unwrap().display().to_string();
    let place = format!(
        "type = \"sftp\"\n  sftp_host = \"{}\"\n  sftp_port = {}\n  sftp_path = \"{}\"\n  \
         sftp_identity_file = \"{}\"\n  sftp_known_hosts = \"{}\"",
        settings.host,
        settings.port.unwrap(),
        settings.path,
        shown(settings.identity_file),
        shown(settings.known_hosts)
    );
    Some((Box::new(sshd), place))
}

fn http() -> Option<Peer> {
    let nginx = Nginx::usual()?;
    let place = web(&nginx.process.address);
    Some((Box::new(nginx), place))
}

/// The web server at that address.
fn web(address: &str) -> String {
    format!(
        "type = \"http\"\n  http_url = \"http://{address}/dav/\"\n  http_username = \"backup\"\n  \
         http_password = \"s3cret\"\n  http_allow_plain = true"
    )
}

#[test]
fn a_bucket_gives_a_lost_machine_back() {
    s3().into_iter().for_each(comes_back);
}

#[test]
fn a_host_gives_a_lost_machine_back() {
    sftp().into_iter().for_each(comes_back);
}

#[test]
fn a_web_server_gives_a_lost_machine_back() {
    http().into_iter().for_each(comes_back);
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

#[test]
fn what_is_cut_off_on_its_way_is_got_once_more() {
    let Some(nginx) = Nginx::usual() else { return };
    let proxy = Proxy::to(&nginx.process.address);
    let home = Home::new();
    let far = target("far", &web(&proxy.address), "");
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
