//! A transit server that is slow or refuses: what happens meanwhile is not undone by its answer.

use edgekeep::barrier::seal::auto::AutoSeal;
use edgekeep::barrier::seal::transit::{Settings, Transit};
use edgekeep::base::credential::Credential;
use serde_json::json;
use std::time::Duration;

use crate::house::{
    House, Keys, give, init, is_sealed, ok, opens, refused, status, stays_sealed, waits,
};
use crate::peer::{DECRYPT, ENCRYPT, Peer, RENEW};
use crate::recovery::{makes_a_root_token, rekeyed};
use crate::support::eventually;

/// A store under the seal of that server, which has ended.
fn made(house: &House, peer: &Peer, shares: u8, threshold: u8) -> Keys {
    let mut server = house.serve(&peer.section(house));
    let keys = init(&server.client(), shares, threshold);
    server.kill();
    keys
}

pub fn a_key_that_is_wrapped_anew_brings_no_old_recovery_keys_back() {
    let (house, peer) = (House::new(), Peer::start());
    let Keys { shares: old, .. } = made(&house, &peer, 1, 1);
    peer.rotate();
    // The second: the first opens the store, this one proves what was wrapped anew.
    peer.hold(DECRYPT, 2);
    let mut server = house.serve(&peer.section(&house));
    opens(&server);
    peer.holds();
    let client = server.client();
    let new = rekeyed(&client, &old, 1);
    let before = peer.calls(ENCRYPT);
    peer.let_go();
    eventually("the seal was looked at", || {
        server.output().contains("wrapped anew") || peer.calls(ENCRYPT) > before
    });
    assert!(makes_a_root_token(&client, &new));
    assert!(!makes_a_root_token(&client, &old));
    server.kill();
    let server = house.serve(&peer.section(&house));
    opens(&server);
    assert!(makes_a_root_token(&server.client(), &new));
    assert!(!makes_a_root_token(&server.client(), &old));
}

pub fn a_diagnosis_asks_one_that_does_not_answer_once() {
    let (house, peer) = (House::new(), Peer::start());
    made(&house, &peer, 1, 1);
    let diagnosed = || {
        let (told, _) = house.run(&["operator", "diagnose", "-config=edgekeep.hcl"]);
        told.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let told = diagnosed();
    assert!(told.contains("and it opens the store"), "{told}");
    let before = peer.calls(DECRYPT);
    peer.hold(ENCRYPT, 1);
    let told = diagnosed();
    peer.let_go();
    assert!(told.contains("transit: ") && told.contains("did not answer in time"), "{told}");
    assert_eq!(peer.calls(DECRYPT), before);
}

pub fn whoever_has_the_seal_is_not_taken_for_people() {
    let (house, peer) = (House::new(), Peer::start());
    let server = house.serve(&peer.section(&house));
    let client = server.client();
    let keys = init(&client, 1, 1);
    // The unseal key, as the one share of one.
    let stolen = [peer.learned()];
    assert!(makes_a_root_token(&client, &keys.shares));
    assert!(!makes_a_root_token(&client, &stolen));
    let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let begun = ok(client.post("sys/rekey-recovery-key/init", split));
    let body = json!({ "key": stolen[0], "nonce": begun["nonce"] });
    refused(client.post("sys/rekey-recovery-key/update", body), 400, "invalid key");
    let root = client.clone().token(&keys.root);
    assert_eq!(root.post("sys/seal", json!({})).status, 204);
    refused(give(&client, &stolen[0]), 400, "invalid key");
    assert!(is_sealed(&client));
}

pub fn who_asks_how_far_a_rekey_is_waits_for_no_seal() {
    let (house, peer) = (House::new(), Peer::start());
    let server = house.serve(&peer.section(&house));
    let client = server.client();
    let keys = init(&client, 1, 1);
    eventually("the seal was looked at", || peer.calls(ENCRYPT) == 2);
    peer.hold(ENCRYPT, 1);
    std::thread::scope(|scope| {
        let new = scope.spawn(|| rekeyed(&client, &keys.shares, 1));
        peer.holds();
        assert_eq!(ok(client.get("sys/rekey-recovery-key/init"))["started"], true);
        peer.let_go();
        assert!(makes_a_root_token(&client, &new.join().unwrap()));
    });
}

pub fn only_one_makes_a_store_and_nobody_waits_behind_him() {
    let (house, peer) = (House::new(), Peer::start());
    let server = house.serve(&peer.section(&house));
    let client = server.client();
    peer.hold(ENCRYPT, 1);
    std::thread::scope(|scope| {
        let made = scope.spawn(|| init(&client, 1, 1));
        peer.holds();
        let split = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
        refused(client.post("sys/init", split.clone()), 400, "initialized by another request");
        peer.let_go();
        made.join().unwrap();
        refused(client.post("sys/init", split), 400, "already initialized");
    });
}

pub fn an_answer_that_comes_late_opens_no_store_that_somebody_sealed_meanwhile() {
    let (house, peer) = (House::new(), Peer::start());
    let keys = made(&house, &peer, 1, 1);
    peer.hold(DECRYPT, 1);
    let server = house.serve(&peer.section(&house));
    peer.holds();
    let client = server.client();
    assert_eq!(ok(give(&client, &keys.shares[0]))["sealed"], false);
    let root = client.clone().token(&keys.root);
    assert_eq!(root.post("sys/seal", json!({})).status, 204);
    peer.let_go();
    waits(&server, "sealed by request");
    stays_sealed(&client);
    assert_eq!(ok(give(&client, &keys.shares[0]))["sealed"], false);
}

pub fn a_seal_that_cannot_tell_its_version_changes_nothing() {
    let (house, peer) = (House::new(), Peer::start());
    made(&house, &peer, 1, 1);
    peer.refuse(ENCRYPT, 500, "not today");
    let [before, renewed] = [ENCRYPT, RENEW].map(|act| peer.calls(act));
    let server = house.serve(&peer.section(&house));
    opens(&server);
    eventually("it is asked", || peer.calls(ENCRYPT) > before);
    eventually("the token is renewed", || peer.calls(RENEW) > renewed);
    assert_eq!(peer.calls(ENCRYPT), before + 1);
    assert!(!server.output().contains("anew"), "{}", server.output());
    assert!(status(&server.client()).get("degraded").is_none());
}

pub fn people_who_open_a_store_are_told_that_its_seal_would_not() {
    let (house, peer) = (House::new(), Peer::start());
    let keys = made(&house, &peer, 1, 1);
    peer.refuse(DECRYPT, 403, "permission denied");
    let server = house.serve(&peer.section(&house));
    waits(&server, "permission denied");
    let client = server.client();
    assert_eq!(ok(give(&client, &keys.shares[0]))["sealed"], false);
    let degraded = || status(&client)["degraded"].as_str().map(str::to_owned);
    eventually("it is told", || degraded().is_some_and(|told| told.contains("permission denied")));
    assert_eq!(ok(client.get("sys/seal-backend-status"))["healthy"], false);
    peer.accept(DECRYPT);
    eventually("it is well again", || degraded().is_none());
    assert!(!is_sealed(&client));
    assert_eq!(ok(client.get("sys/seal-backend-status"))["healthy"], true);
}

pub fn what_the_seal_answers_is_told_in_one_plain_line() {
    let (house, peer) = (House::new(), Peer::start());
    made(&house, &peer, 1, 1);
    let long = format!("boom\n\u{1b}]0;owned\u{7}\u{1b}[31mred {}", "x".repeat(100_000));
    peer.refuse(DECRYPT, 500, Box::leak(long.into_boxed_str()));
    let server = house.serve(&peer.section(&house));
    waits(&server, "boom ]0;owned [31mred xxx");
    let told = status(&server.client())["degraded"].as_str().unwrap_or_default().to_owned();
    assert!(told.len() < 1000 && told.contains("boom ]0;owned"), "{told}");
    let logged = server.output();
    assert!(logged.len() < 100_000 && !logged.contains('\u{7}'), "{logged}");
}

pub fn a_token_that_cannot_be_renewed_is_not_asked_about_each_minute() {
    let peer = Peer::start();
    let seal = Transit::new(Settings {
        address: peer.url(),
        token: Credential::parse("a token").unwrap(),
        key_name: "edge".to_owned(),
        mount_path: "transit".to_owned(),
        ca_cert: None,
        client_cert: None,
        client_key: None,
        server_name: None,
        skip_verify: false,
        disable_renewal: false,
    });
    assert_eq!(seal.keep().unwrap(), Some(Duration::from_secs(20 * 60)));
    peer.refuse(RENEW, 503, "sealed");
    assert_eq!(seal.keep().unwrap_err().1, Duration::from_secs(60));
    peer.refuse(RENEW, 400, "lease is not renewable");
    let (error, again) = seal.keep().unwrap_err();
    assert!(error.to_string().contains("lease is not renewable"), "{error}");
    assert_eq!(again, Duration::from_secs(60 * 60));
}
