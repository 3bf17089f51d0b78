//! Snapshots of a store under an automatic seal, and of the time before.

use std::fs;

use serde_json::json;

use crate::house::{
    House, give, give_to_migrate, init, init_by_people, ok, opens, secret, status, write_secret,
};
use crate::support::eventually;

const KEY: [u8; 32] = [0x77; 32];

pub fn a_bare_machine_with_the_key_opens_a_restored_store_by_itself() {
    let lost = House::new();
    lost.put_key("one", &KEY);
    let mut server = lost.serve(&lost.stick("one"));
    let keys = init(&server.client(), 1, 1);
    let root = server.client().token(&keys.root);
    write_secret(&root, "kept");
    let snapshot = root.get("sys/storage/raft/snapshot");
    assert_eq!(snapshot.status, 200);
    server.kill();

    let bare = House::new();
    bare.put_key("one", &KEY);
    fs::write(bare.path("file.snap"), &snapshot.body).unwrap();
    let (told, code) = bare.run(&["snapshot", "inspect", "file.snap"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("static"), "{told}");
    // Offline, too, the seal opens it, or a recovery key.
    bare.configure(&bare.stick("one"), "127.0.0.1:9");
    let (told, code) = bare.run(&["snapshot", "verify", "file.snap"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("The snapshot needs 1 recovery key"), "{told}");
    for words in [["-config=edgekeep.hcl", "file.snap"], ["file.snap", &keys.shares[0]]] {
        let (told, code) = bare.run(&[&["snapshot", "verify"][..], &words].concat());
        assert_eq!(code, Some(0), "{told}");
    }
    let read = ["snapshot", "read", "-config=edgekeep.hcl", "-field=is", "file.snap", "safe/it"];
    assert_eq!(bare.run(&read), ("kept".to_owned(), Some(0)));
    let diff = ["snapshot", "diff", "-config=edgekeep.hcl", "file.snap", "file.snap"];
    assert_eq!(bare.run(&diff).1, Some(0));
    let (told, code) = bare.run(&["snapshot", "restore", "-into=store", "file.snap"]);
    assert_eq!(code, Some(0), "{told}");
    let server = bare.serve(&bare.stick("one"));
    opens(&server);
    assert_eq!(secret(&server.client().token(&keys.root)), "kept");
}

pub fn a_bare_machine_is_told_what_opens_its_store() {
    let house = House::new();
    house.put_key("one", &KEY);
    let disk = house.path("disk");
    fs::create_dir(&disk).unwrap();
    let target = format!(
        "snapshot \"box\" {{ type = \"file\" path_prefix = {disk:?} interval = \"24h\" }}\n"
    );
    let server = house.serve(&(house.stick("one") + &target));
    init(&server.client(), 1, 1);

    let (bare, target) = (House::new(), format!("-target={}", disk.display()));
    let mut told = String::new();
    eventually("a snapshot is restored", || {
        let (said, code) = bare.run(&["restore", &target, "-into=store", "-wait=0"]);
        told = said;
        code == Some(0)
    });
    assert!(told.contains("The static seal opens it, if"), "{told}");
    assert!(told.contains("the recovery keys that the store had then"), "{told}");
}

pub fn a_snapshot_from_before_a_migration_leaves_the_seal_of_today() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve("");
    let keys = init_by_people(&server.client(), 1, 1);
    ok(give(&server.client(), &keys.shares[0]));
    let root = server.client().token(&keys.root);
    write_secret(&root, "then");
    let snapshot = root.get("sys/storage/raft/snapshot");
    server.kill();

    let mut server = house.serve(&house.stick("one"));
    ok(give_to_migrate(&server.client(), &keys.shares[0]));
    let root = server.client().token(&keys.root);
    assert_eq!(root.post("safe/it", json!({ "is": "now" })).status, 204);
    let restored = root.upload("sys/storage/raft/snapshot", &snapshot.body).unwrap();
    assert!(matches!(restored.status, 200 | 204), "{restored:?}");
    assert_eq!(status(&root)["type"], "static");
    assert_eq!(secret(&root), "then");
    server.kill();
    let server = house.serve(&house.stick("one"));
    opens(&server);
    assert_eq!(secret(&server.client().token(&keys.root)), "then");
}
