//! What recovery keys are for: a new root token, and new recovery keys.

use serde_json::{Value, json};

use crate::house::{House, Keys, give, init, is_sealed, ok, opens, refused, texts};
use crate::support::http::{Client, Reply};

const KEY: [u8; 32] = [0x5a; 32];

fn generate(client: &Client, key: &str, nonce: &Value) -> Reply {
    client.post("sys/generate-root/update", json!({ "key": key, "nonce": nonce }))
}

/// Begins to make a root token, and gives it up when the shares have been told from others.
pub fn makes_a_root_token(client: &Client, shares: &[String]) -> bool {
    let begun = ok(client.post("sys/generate-root/attempt", json!({})));
    let nonce = &begun["nonce"];
    let mut last = None;
    for share in shares {
        last = Some(generate(client, share, nonce));
    }
    let last = last.unwrap();
    let _ = client.delete("sys/generate-root/attempt");
    last.status == 200 && last.json()["complete"] == true
}

fn update(client: &Client, path: &str, key: &str, nonce: &Value) -> Reply {
    let path = format!("sys/rekey-recovery-key/{path}");
    client.post(&path, json!({ "key": key, "nonce": nonce }))
}

/// New recovery keys, each alone enough, by the old ones.
pub fn rekeyed(client: &Client, old: &[String], shares: u8) -> Vec<String> {
    let split = json!({ "secret_shares": shares, "secret_threshold": 1 });
    let begun = ok(client.post("sys/rekey-recovery-key/init", split));
    let one = |key: &String| ok(update(client, "update", key, &begun["nonce"]));
    let given: Vec<Value> = old.iter().map(one).collect();
    let done = given.last().unwrap();
    assert_eq!(done["complete"], true, "{done}");
    texts(&done["keys_base64"])
}

pub fn enough_recovery_keys_make_a_root_token_and_no_others() {
    let house = House::new();
    house.put_key("one", &KEY);
    let server = house.serve(&house.stick("one"));
    let client = server.client();
    let Keys { shares, .. } = init(&client, 3, 2);
    assert!(makes_a_root_token(&client, &shares[..2]));
    assert!(makes_a_root_token(&client, &[shares[2].clone(), shares[0].clone()]));
    let strange = "BQ".repeat(22);
    assert!(!makes_a_root_token(&client, &[shares[0].clone(), strange]));
    let begun = ok(client.post("sys/generate-root/attempt", json!({})));
    assert_eq!(begun["required"], 2);
}

pub fn recovery_keys_are_changed_by_those_who_hold_them() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    let client = server.client();
    let Keys { shares: old, .. } = init(&client, 3, 2);
    let text = "barrier rekeying not supported";
    let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
    refused(client.post("sys/rekey/init", split.clone()), 400, text);

    let status = ok(client.get("sys/rekey-recovery-key/init"));
    assert_eq!((&status["started"], &status["required"]), (&json!(false), &json!(2)));
    let begun = ok(client.post("sys/rekey-recovery-key/init", split));
    let nonce = &begun["nonce"];
    let text = "no recovery rekey in progress";
    assert_eq!(client.delete("sys/rekey-recovery-key/init").status, 204);
    refused(update(&client, "update", &old[0], nonce), 400, text);

    let split = json!({ "secret_shares": 4, "secret_threshold": 3 });
    let begun = ok(client.post("sys/rekey-recovery-key/init", split));
    let nonce = &begun["nonce"];
    assert_eq!(ok(update(&client, "update", &old[0], nonce))["progress"], 1);
    refused(update(&client, "update", &"BQ".repeat(22), nonce), 400, "invalid key");
    ok(update(&client, "update", &old[1], nonce));
    let done = ok(update(&client, "update", &old[2], nonce));
    assert_eq!((&done["complete"], &done["nonce"]), (&json!(true), nonce));
    let new = texts(&done["keys_base64"]);
    assert_eq!(new.len(), 4);
    assert!(!makes_a_root_token(&client, &[&old[..], &old[..1]].concat()[..3]));
    assert!(makes_a_root_token(&client, &new[1..]));
    server.kill();

    // The seal opens the store as before.
    let server = house.serve(&house.stick("one"));
    opens(&server);
    assert!(makes_a_root_token(&server.client(), &new[..3]));
}

pub fn new_recovery_keys_can_be_verified_first() {
    let house = House::new();
    house.put_key("one", &KEY);
    let server = house.serve(&house.stick("one"));
    let client = server.client();
    let Keys { shares: old, root } = init(&client, 1, 1);
    let split = json!({
        "secret_shares": 2, "secret_threshold": 2, "require_verification": true,
    });
    let begun = ok(client.post("sys/rekey-recovery-key/init", split));
    let done = ok(update(&client, "update", &old[0], &begun["nonce"]));
    let (new, nonce) = (texts(&done["keys_base64"]), &done["verification_nonce"]);
    assert!(makes_a_root_token(&client, &old));
    ok(update(&client, "verify", &new[0], nonce));
    let failed = "rekey verification failed";
    refused(update(&client, "verify", &"BQ".repeat(22), nonce), 400, failed);
    let nonce = &ok(client.get("sys/rekey-recovery-key/verify"))["nonce"];
    ok(update(&client, "verify", &new[0], nonce));
    assert_eq!(ok(update(&client, "verify", &new[1], nonce))["complete"], true);
    assert!(makes_a_root_token(&client, &new));
    // The old one alone would have been enough.
    assert_eq!(client.clone().token(&root).post("sys/seal", json!({})).status, 204);
    assert_eq!(ok(give(&client, &old[0]))["progress"], 1);
    refused(give(&client, &new[0]), 400, "invalid key");
    new.iter().for_each(|share| drop(ok(give(&client, share))));
    assert!(!is_sealed(&client));
}

pub fn old_recovery_keys_open_no_store() {
    let house = House::new();
    house.put_key("one", &KEY);
    let server = house.serve(&house.stick("one"));
    let client = server.client();
    let Keys { shares: old, root } = init(&client, 1, 1);
    let new = rekeyed(&client, &old, 1);
    assert_eq!(client.clone().token(&root).post("sys/seal", json!({})).status, 204);
    refused(give(&client, &old[0]), 400, "invalid key");
    assert!(is_sealed(&client));
    assert_eq!(ok(give(&client, &new[0]))["sealed"], false);
}
