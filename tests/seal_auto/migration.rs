//! From one seal to another, and back.

use serde_json::json;

use crate::house::{
    House, give, give_to_migrate, init, init_by_people, is_sealed, ok, opens, refused, secret,
    status, waits, write_secret,
};

const KEY: [u8; 32] = [0xa5; 32];
const NO_OPTION: &str = "migrate option not provided and seal migration is in progress";

pub fn from_people_to_a_stick_and_back() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve("");
    let keys = init_by_people(&server.client(), 3, 2);
    refused(
        give_to_migrate(&server.client(), &keys.shares[0]),
        400,
        "can't perform a seal migration, no migration seal found",
    );
    keys.shares[..2].iter().for_each(|share| drop(ok(give(&server.client(), share))));
    write_secret(&server.client().token(&keys.root), "kept");
    server.kill();

    let mut server = house.serve(&house.stick("one"));
    let client = server.client();
    waits(&server, "operator unseal -migrate");
    let before = status(&client);
    assert_eq!((&before["migration"], &before["type"]), (&json!(true), &json!("shamir")));
    refused(give(&client, &keys.shares[0]), 400, NO_OPTION);
    ok(give_to_migrate(&client, &keys.shares[0]));
    let migrated = ok(give_to_migrate(&client, &keys.shares[1]));
    assert_eq!((&migrated["sealed"], &migrated["type"]), (&json!(false), &json!("static")));
    assert_eq!((&migrated["migration"], &migrated["n"]), (&json!(false), &json!(3)));
    assert_eq!(secret(&client.token(&keys.root)), "kept");
    server.kill();

    let mut server = house.serve(&house.stick("one"));
    opens(&server);
    // The shares are those of the recovery key now.
    let begun = ok(server.client().post("sys/generate-root/attempt", json!({})));
    for (share, complete) in [(&keys.shares[2], false), (&keys.shares[0], true)] {
        let body = json!({ "key": share, "nonce": begun["nonce"] });
        let given = ok(server.client().post("sys/generate-root/update", body));
        assert_eq!(given["complete"], complete);
    }
    server.kill();

    let disabled = house.stick("one").replace("}\n", "disabled = \"true\"\n}\n");
    let mut server = house.serve(&disabled);
    let client = server.client();
    waits(&server, "operator unseal -migrate");
    refused(give(&client, &keys.shares[0]), 400, NO_OPTION);
    ok(give_to_migrate(&client, &keys.shares[0]));
    refused(give_to_migrate(&client, &"BQ".repeat(22)), 400, "invalid key");
    assert!(is_sealed(&client));
    ok(give_to_migrate(&client, &keys.shares[0]));
    let migrated = ok(give_to_migrate(&client, &keys.shares[2]));
    assert_eq!((&migrated["sealed"], &migrated["type"]), (&json!(false), &json!("shamir")));
    assert_eq!(migrated["recovery_seal"], false);
    server.kill();
    house.pull_key("one");

    // Without the seal and its key.
    let server = house.serve("");
    let client = server.client();
    keys.shares[1..].iter().for_each(|share| drop(ok(give(&client, share))));
    assert_eq!(secret(&client.token(&keys.root)), "kept");
}

pub fn a_migration_that_cannot_be_done_leaves_the_seal_as_it_was() {
    let house = House::new();
    let mut server = house.serve("");
    let keys = init_by_people(&server.client(), 1, 1);
    ok(give(&server.client(), &keys.shares[0]));
    write_secret(&server.client().token(&keys.root), "kept");
    server.kill();
    let mut server = house.serve(&house.stick("one"));
    refused(give_to_migrate(&server.client(), &keys.shares[0]), 500, "cannot be read");
    assert!(is_sealed(&server.client()));
    server.kill();
    let server = house.serve("");
    assert_eq!(ok(give(&server.client(), &keys.shares[0]))["sealed"], false);
    assert_eq!(secret(&server.client().token(&keys.root)), "kept");
}

pub fn a_seal_that_is_lost_can_be_left() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    let keys = init(&server.client(), 2, 2);
    write_secret(&server.client().token(&keys.root), "kept");
    server.kill();
    house.pull_key("one");
    let mut server = house.serve("");
    let client = server.client();
    waits(&server, "if nobody meant that, put the section of \"static\" back, in use and restart");
    ok(give_to_migrate(&client, &keys.shares[0]));
    assert_eq!(ok(give_to_migrate(&client, &keys.shares[1]))["type"], "shamir");
    server.kill();
    let server = house.serve("");
    keys.shares.iter().for_each(|share| drop(ok(give(&server.client(), share))));
    assert_eq!(secret(&server.client().token(&keys.root)), "kept");
}
