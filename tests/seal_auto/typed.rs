//! The same by those who type commands.

use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::house::{House, init, is_sealed, opens};
use crate::support::Server;

const KEY: [u8; 32] = [0x11; 32];

/// Runs a command against a server, with a token where there is one.
fn edgekeep(house: &House, server: &Server, token: &str, args: &[&str]) -> (String, String, i32) {
    let address = format!("http://{}", server.address);
    let environment = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", token)];
    let output = house.output(args, &environment);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// The last word of the line that begins so.
fn word(text: &str, start: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no {start:?} in {text}"));
    line.split_whitespace().last().unwrap().to_owned()
}

pub fn a_store_is_made_and_moved_from_seal_to_seal() {
    let house = House::new();
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    let init = ["operator", "init", "-recovery-shares=2", "-recovery-threshold=2"];
    let (told, complaint, code) = edgekeep(&house, &server, "", &init);
    assert_eq!((code, complaint.as_str()), (0, ""), "{told}");
    assert!(told.contains("Recovery key initialized with 2 key shares and a key threshold of 2."));
    assert!(!told.contains("Unseal Key"), "{told}");
    let shares = [word(&told, "Recovery Key 1:"), word(&told, "Recovery Key 2:")];
    let root = word(&told, "Initial Root Token:");

    let (told, _, code) = edgekeep(&house, &server, "", &["status"]);
    assert_eq!(code, 0, "{told}");
    let row = |name: &str| word(&told, name);
    assert_eq!(row("Seal Type"), "static");
    assert_eq!(row("Recovery Seal Type"), "shamir");
    assert_eq!(row("Total Recovery Shares"), "2");

    // New recovery keys.
    let rekey = |more: &[&str]| {
        let args = [&["operator", "rekey", "-target=recovery"], more].concat();
        edgekeep(&house, &server, &root, &args)
    };
    let (told, _, code) = rekey(&["-init", "-key-shares=1", "-key-threshold=1"]);
    assert_eq!(code, 0, "{told}");
    let nonce = format!("-nonce={}", word(&told, "Nonce"));
    assert_eq!(rekey(&[&nonce, &shares[0]]).2, 0);
    let (told, _, code) = rekey(&[&nonce, &shares[1]]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("Edgekeep recovery keys rekeyed with 1 key shares"), "{told}");
    let share = word(&told, "Key 1:");
    server.kill();

    let disabled = house.stick("one").replace("}\n", "disabled = \"true\"\n}\n");
    let mut server = house.serve(&disabled);
    let (told, _, code) = edgekeep(&house, &server, "", &["status"]);
    assert_eq!(code, 2, "{told}");
    assert_eq!(word(&told, "Seal Migration in Progress"), "true");
    assert!(told.contains("operator unseal -migrate"), "{told}");
    let (_, complaint, code) = edgekeep(&house, &server, "", &["operator", "unseal", &share]);
    assert_eq!(code, 2);
    assert!(complaint.contains("migrate option not provided"), "{complaint}");
    let migrate = ["operator", "unseal", "-migrate", &share];
    let (told, complaint, code) = edgekeep(&house, &server, "", &migrate);
    assert_eq!(code, 0, "{told}{complaint}");
    assert_eq!(word(&told, "Seal Type"), "shamir");
    assert!(!is_sealed(&server.client()));
    server.kill();

    let mut server = house.serve(&house.stick("one"));
    assert_eq!(edgekeep(&house, &server, "", &migrate).2, 0);
    server.kill();
    let server = house.serve(&house.stick("one"));
    opens(&server);
}

pub fn init_for_programs() {
    let house = House::new();
    house.put_key("one", &KEY);
    let server = house.serve(&house.stick("one"));
    let init = |more: &[&str]| {
        edgekeep(&house, &server, "", &[&["operator", "init", "-format=json"], more].concat())
    };
    let (_, complaint, code) = init(&["-key-shares=1", "-key-threshold=1"]);
    assert_eq!(code, 2);
    assert!(complaint.contains("not applicable to seal type static"), "{complaint}");
    let (told, _, code) = init(&[]);
    assert_eq!(code, 0);
    let made: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(made["recovery_keys_b64"].as_array().unwrap().len(), 5);
    for (name, value) in [
        ("recovery_keys_shares", 5),
        ("recovery_keys_threshold", 3),
        ("unseal_shares", 0),
        ("unseal_threshold", 0),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    assert_eq!(made["unseal_keys_b64"], serde_json::json!([]));
}

pub fn a_diagnosis_tries_the_seal() {
    let house = House::new();
    house.configure(&house.stick("one"), "127.0.0.1:9");
    let diagnosed = || {
        let args = ["operator", "diagnose", "-config=edgekeep.hcl", "-format=json"];
        let output = house.output(&args, &[]);
        let tree: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = tree["children"].as_array().unwrap().clone();
        let seal = checks.into_iter().find(|check| check["name"] == "autounseal").unwrap();
        seal["children"].to_string()
    };
    assert!(diagnosed().contains("cannot be read"), "{}", diagnosed());
    house.put_key("one", &KEY);
    let found = diagnosed();
    assert!(found.contains("static: it wraps a key, and gives it back"), "{found}");
    // The test's stick is a folder of the disk where the store will be, with the mode that a umask
    // left.
    assert!(found.contains("lies on the same disk as the store"), "{found}");
    assert!(found.contains("is open to other users"), "{found}");

    // The server warns of that, too.
    let key = house.path("stick/one");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o777)).unwrap();
    let (told, code) = house.run(&["server", "-test", "-config=edgekeep.hcl"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("stick/one: it is open to all users (mode 0777)"), "{told}");
}

pub fn a_diagnosis_does_not_blame_what_only_the_unit_is_given() {
    let house = House::new();
    let keys = "current_key_id = \"new\"\n current_key = \"systemd://newkey\"\n \
                previous_key_id = \"old\"\n previous_key = \"systemd://oldkey\"\n";
    let nobody = "snapshot \"dav\" {\n type = \"http\"\n interval = \"24h\"\n \
                  http_url = \"https://127.0.0.1:9/dav\"\n http_username = \"box\"\n \
                  http_password = \"systemd://davpass\"\n}\n";
    house.configure(&format!("seal \"static\" {{\n {keys}}}\n{nobody}"), "127.0.0.1:9");
    let found = |given: &[(&str, &str)]| {
        let args = ["operator", "diagnose", "-config=edgekeep.hcl", "-format=json"];
        let output = house.output(&args, given);
        let tree: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = tree["children"].as_array().unwrap().clone();
        let of = |name| checks.iter().find(|check| check["name"] == name).unwrap().clone();
        (of("autounseal"), of("targets"))
    };
    let names = ["davpass", "newkey", "oldkey"];
    let (seal, targets) = found(&[]);
    for (told, lacking) in
        [(seal, "systemd://newkey and systemd://oldkey. "), (targets, "systemd://davpass. ")]
    {
        assert_eq!(told["status"], "skipped", "{told}");
        let each = names.map(|name| format!("-p LoadCredentialEncrypted={name}:FILE "));
        assert!(told.to_string().contains(&each.concat()), "{told}");
        assert!(told.to_string().contains(&format!("only the unit is given {lacking}")), "{told}");
    }
    // As that command has it.
    for name in names {
        house.put_key(name, &KEY);
    }
    let given = house.path("stick");
    let (seal, targets) = found(&[("CREDENTIALS_DIRECTORY", given.to_str().unwrap())]);
    assert!(seal.to_string().contains("it wraps a key, and gives it back"), "{seal}");
    assert_eq!(targets["status"], "warn", "nobody listens there: {targets}");
}

pub fn a_diagnosis_tries_the_seal_on_the_store() {
    let house = House::new();
    house.put_key("one", &KEY);
    let found = |text: &str| {
        let (told, _) = house.run(&["operator", "diagnose", "-config=edgekeep.hcl"]);
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(text), "no {text:?} in {told}");
    };
    let mut server = house.serve(&house.stick("one"));
    found("on the store it was not tried");
    init(&server.client(), 1, 1);
    found("static: it wraps a key, and gives it back, and it opens the store");
    // Another stick has its name: the server that runs goes on, and the next start does not.
    house.put_key("one", &[0x22; 32]);
    found("static: it wraps a key, and gives it back, and yet it does not open the store");
    // Its first 32 bytes are the only copy of the key.
    house.put_key("one", &[&KEY[..], b"\n"].concat());
    found("but 33 bytes: bring the one that sealed the store");
    // Not closed, and then closed.
    server.kill();
    found("but 33 bytes: bring the one that sealed the store");
    house.put_key("one", &KEY);
    found("static: it wraps a key, and gives it back, and it opens the store");
    let server = house.serve(&house.stick("one"));
    kill_process(Pid::from_raw(server.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    assert!(server.wait().0);
    found("static: it wraps a key, and gives it back, and it opens the store");
    // Another stick has its name.
    house.put_key("one", &[0x22; 32]);
    found("static: it wraps a key, and gives it back, and yet it does not open the store");
    house.configure("", "127.0.0.1:9");
    found("the store is under the seal \"static\", and the configuration says \"shamir\"");
    // For a moment it is no store that is seen.
    house.put_key("one", &KEY);
    let mut server = house.serve(&house.stick("one"));
    let file = house.path("store/edgekeep.redb");
    std::fs::rename(&file, house.path("store/aside")).unwrap();
    std::fs::write(&file, [0; 4096]).unwrap();
    found("static: it wraps a key, and gives it back; on the store it could not be tried");
    std::fs::rename(house.path("store/aside"), &file).unwrap();
    found("static: it wraps a key, and gives it back, and it opens the store");
    server.kill();
}
