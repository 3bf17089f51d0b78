//! The static seal: a key on a stick.

use std::fs;

use serde_json::json;

use crate::house::{
    House, give, init, is_sealed, ok, opens, refused, secret, status, stays_sealed, waits,
    write_secret,
};
use crate::support::eventually;
use crate::support::hung::Hung;

const KEY: [u8; 32] = *b"a key of 32 bytes, on a stick: a";
const NEXT: [u8; 32] = *b"a key of 32 bytes, on a stick: b";

pub fn a_board_reboots_alone() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    let client = server.client();
    let before = status(&client);
    assert_eq!((&before["type"], &before["initialized"]), (&json!("static"), &json!(false)));
    let keys = init(&client, 5, 3);
    let after = status(&client);
    for (name, value) in [
        ("type", json!("static")),
        ("recovery_seal", json!(true)),
        ("recovery_seal_type", json!("shamir")),
        ("sealed", json!(false)),
        ("initialized", json!(true)),
        ("migration", json!(false)),
        ("n", json!(5)),
        ("t", json!(3)),
    ] {
        assert_eq!(after[name], value, "{name}");
    }
    assert!(after.get("degraded").is_none(), "{after}");
    write_secret(&client.token(&keys.root), "kept");
    let backend = ok(server.client().get("sys/seal-backend-status"));
    assert_eq!(backend["backends"], json!([{ "name": "static", "healthy": true }]));
    server.kill();

    let server = house.serve(&house.stick("one"));
    opens(&server);
    assert_eq!(secret(&server.client().token(&keys.root)), "kept");

    // Who takes the card with the store, and not the stick, has nothing of its key.
    let encoded: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
    let store = fs::read(house.path("store").join("edgekeep.redb")).unwrap();
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|at| at == part);
    for part in [&KEY[..], encoded.as_bytes(), b"kept"] {
        assert!(!holds(&store, part));
        assert!(!holds(server.output().as_bytes(), part));
    }
}

pub fn a_stick_may_come_late() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    let keys = init(&server.client(), 1, 1);
    write_secret(&server.client().token(&keys.root), "kept");
    server.kill();
    house.pull_key("one");

    let server = house.serve(&house.stick("one"));
    waits(&server, "stick/one cannot be read: No such file");
    assert_eq!(server.client().get("sys/health").status, 503);
    let backend = ok(server.client().get("sys/seal-backend-status"));
    assert_eq!(backend["healthy"], false);
    house.put_key("one", &NEXT);
    waits(&server, "is not the one that sealed the store");
    house.put_key("one", b"no key at all");
    waits(&server, "is not 32 bytes, as they are or in hex or base64, but 13 bytes: bring the one");
    assert!(!server.output().contains("openssl rand"), "a new one would take its place");
    house.put_key("one", &KEY);
    opens(&server);
    assert!(status(&server.client()).get("degraded").is_none());
    assert_eq!(secret(&server.client().token(&keys.root)), "kept");
}

pub fn a_new_key_takes_the_place_of_the_old() {
    let house = House::new();
    house.put_key("one", &KEY);
    // In hex, with a line break, it is the same kind of key.
    let hex: String = NEXT.iter().map(|byte| format!("{byte:02x}")).collect();
    house.put_key("two", format!("{hex}\n").as_bytes());
    let mut server = house.serve(&house.stick("one"));
    let keys = init(&server.client(), 3, 2);
    write_secret(&server.client().token(&keys.root), "kept");
    server.kill();

    let mut server = house.serve(&house.stick("two"));
    waits(&server, "sealed by the key \"one\", and the configuration names \"two\"");
    server.kill();

    let both = [house.key("current", "two"), house.key("previous", "one")].concat();
    let mut server = house.serve(&format!("seal \"static\" {{\n {both}}}\n"));
    opens(&server);
    server.wait_for_output("wrapped anew");
    server.kill();
    house.pull_key("one");

    let mut server = house.serve(&house.stick("two"));
    opens(&server);
    assert_eq!(secret(&server.client().token(&keys.root)), "kept");
    server.kill();
    house.put_key("one", &KEY);
    let server = house.serve(&house.stick("one"));
    waits(&server, "sealed by the key");
}

pub fn a_server_that_somebody_sealed_stays_sealed_until_people_say_otherwise() {
    let house = House::new();
    house.put_key("one", &KEY);
    let server = house.serve(&house.stick("one"));
    let client = server.client();
    let keys = init(&client, 3, 2);
    let root = client.clone().token(&keys.root);
    write_secret(&root, "kept");
    assert_eq!(root.post("sys/seal", json!({})).status, 204);
    waits(&server, "sealed by request");
    stays_sealed(&client);

    let strange = "BQ".repeat(22);
    assert_eq!(ok(give(&client, &keys.shares[0]))["progress"], 1);
    refused(give(&client, &strange), 400, "invalid key");
    assert!(is_sealed(&client));
    ok(give(&client, &keys.shares[0]));
    assert_eq!(ok(give(&client, &keys.shares[2]))["sealed"], false);
    assert_eq!(secret(&root), "kept");
}

pub fn whom_nobody_let_in_keeps_no_board_from_opening() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    init(&server.client(), 1, 1);
    server.kill();
    house.pull_key("one");
    let server = house.serve(&house.stick("one"));
    waits(&server, "cannot be read");
    // As Vault answers there.
    assert_eq!(server.client().post("sys/seal", json!({})).status, 204);
    waits(&server, "cannot be read");
    house.put_key("one", &KEY);
    opens(&server);
    assert!(!server.output().contains(" sealed\n"), "{}", server.output());
}

pub fn shares_that_were_given_before_do_not_count_later() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    let keys = init(&server.client(), 3, 2);
    server.kill();
    house.pull_key("one");
    let server = house.serve(&house.stick("one"));
    let client = server.client();
    waits(&server, "cannot be read");
    assert_eq!(ok(give(&client, &keys.shares[0]))["progress"], 1);
    house.put_key("one", &KEY);
    opens(&server);
    eventually("they are forgotten", || status(&client)["progress"] == 0);
    assert_eq!(client.clone().token(&keys.root).post("sys/seal", json!({})).status, 204);
    let given = ok(give(&client, &keys.shares[1]));
    assert_eq!((&given["sealed"], &given["progress"]), (&json!(true), &json!(1)));
}

pub fn a_store_that_people_opened_goes_over_to_the_key_that_is_there() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    let keys = init(&server.client(), 1, 1);
    server.kill();
    // The stick is lost, and another one has its name.
    house.put_key("one", &NEXT);
    let mut server = house.serve(&house.stick("one"));
    waits(&server, "is not the one that sealed the store");
    assert_eq!(ok(give(&server.client(), &keys.shares[0]))["sealed"], false);
    server.wait_for_output("wrapped anew");
    server.kill();
    let mut server = house.serve(&house.stick("one"));
    opens(&server);
    server.kill();
    house.put_key("one", &KEY);
    waits(&house.serve(&house.stick("one")), "is not the one that sealed the store");
}

pub fn nothing_is_made_where_the_key_is_away() {
    let house = House::new();
    let server = house.serve(&house.stick("one"));
    let client = server.client();
    let split = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
    refused(client.post("sys/init", split), 500, "stick/one cannot be read");
    assert_eq!(ok(client.get("sys/init"))["initialized"], false);
    let text = "parameters secret_shares,secret_threshold not applicable to seal type static";
    let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
    refused(client.post("sys/init", split), 400, text);
    refused(client.post("sys/init", json!({})), 400, "shares must be at least one");
    house.put_key("one", &KEY);
    let keys = init(&client, 1, 1);
    assert!(!is_sealed(&client));
    write_secret(&client.token(&keys.root), "kept");
}

pub fn recovery_keys_open_the_store_where_the_stick_is_lost() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    let keys = init(&server.client(), 3, 2);
    write_secret(&server.client().token(&keys.root), "kept");
    server.kill();
    house.pull_key("one");
    let server = house.serve(&house.stick("one"));
    let client = server.client();
    waits(&server, "cannot be read");
    ok(give(&client, &keys.shares[0]));
    refused(give(&client, &"BQ".repeat(22)), 400, "invalid key");
    ok(give(&client, &keys.shares[1]));
    assert_eq!(ok(give(&client, &keys.shares[2]))["sealed"], false);
    assert_eq!(secret(&client.token(&keys.root)), "kept");
}

pub fn a_stick_that_hangs_keeps_nobody_from_the_server() {
    let house = House::new();
    house.put_key("one", &KEY);
    let stick = house.stick("one");
    let mut server = house.serve(&stick);
    let keys = init(&server.client(), 1, 1);
    server.kill();
    let hung = Hung::over(&house.path("stick"));
    hung.holds_up_not("a start, and who has the recovery key", || {
        let mut server = house.serve(&stick);
        assert!(is_sealed(&server.client()));
        ok(give(&server.client(), &keys.shares[0]));
        assert!(!is_sealed(&server.client()));
        server.kill();
    });
}

pub fn a_seal_that_is_not_configured_is_told() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    let keys = init(&server.client(), 1, 1);
    server.kill();
    let server = house.serve("");
    let client = server.client();
    waits(&server, "under the seal \"static\", and the configuration says \"shamir\"");
    refused(give(&client, &keys.shares[0]), 400, "migrate option not provided");
    assert!(is_sealed(&client));
}
