//! Opening and closing a store through the API of the built server: init, unseal, seal, rekey,
//! root generation and rotation.

mod support;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use edgekeep::snapshot::inspect::inspect;
use serde_json::{Value, json};
use support::harness::{needs_package, tests};
use support::http::{Client, Reply};
use support::{Server, TempDir, data, free_address};

tests! {
    self {
        a_store_is_made_once_and_opened_share_by_share,
        any_three_of_five_shares_open_and_no_two_do,
        one_share_is_the_key_and_odd_shapes_are_refused,
        a_rekey_puts_new_shares_in_the_place_of_the_old,
        a_verified_rekey_is_in_force_only_when_its_shares_came_back,
        a_lost_root_token_has_a_way_back,
        rotated_keys_leave_everything_readable,
        shares_and_tokens_are_encrypted_to_keys_of_gnupg,
        the_part_of_a_key_that_may_encrypt_is_found,
        a_key_that_cannot_be_encrypted_to_is_refused_with_the_reason,
        a_revoked_token_leaves_nothing_behind,
        nobody_without_a_token_makes_the_server_build_what_they_send,
        what_was_to_be_wrapped_never_goes_out_in_the_clear,
        whom_nobody_let_in_seals_nothing_that_is_opened_this_moment,
    }
}

/// A folder with a store in it, and servers of it one after the other.
struct House {
    folder: TempDir,
}

impl House {
    fn new() -> Self {
        Self { folder: TempDir::new() }
    }

    fn serve(&self) -> Server {
        self.serve_with("")
    }

    fn serve_with(&self, more: &str) -> Server {
        let address = free_address();
        let file = self.folder.path().join("edgekeep.hcl");
        let store = self.folder.path().join("store");
        let config = format!(
            "disable_mlock = true\n\
             listener \"tcp\" {{ address = \"{address}\" tls_disable = true }}\n\
             storage \"redb\" {{ path = {store:?} }}\n{more}"
        );
        fs::write(&file, config).unwrap();
        Server::start(&["server", "-config", file.to_str().unwrap()], address)
    }
}

/// What an init answered.
struct Keys {
    shares: Vec<String>,
    root: String,
}

fn init(client: &Client, shares: u8, threshold: u8) -> Keys {
    let body = json!({ "secret_shares": shares, "secret_threshold": threshold });
    let answer = ok(client.post("sys/init", body));
    let root = answer["root_token"].as_str().unwrap().to_owned();
    Keys { shares: texts(&answer["keys_base64"]), root }
}

fn ok(reply: Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    reply.json()
}

fn refused(reply: Reply, text: &str) {
    assert_eq!(reply.status, 400, "{}", String::from_utf8_lossy(&reply.body));
    let errors = reply.json()["errors"].to_string();
    assert!(errors.contains(text), "{errors}");
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

fn give(client: &Client, share: &str) -> Reply {
    client.post("sys/unseal", json!({ "key": share }))
}

/// Gives shares until the store is open.
fn unseal(client: &Client, shares: &[String]) {
    let answers: Vec<Value> = shares.iter().map(|share| ok(give(client, share))).collect();
    let last = answers.last().unwrap();
    assert_eq!(last["sealed"], false, "{last}");
}

fn is_sealed(client: &Client) -> bool {
    ok(client.get("sys/seal-status"))["sealed"].as_bool().unwrap()
}

fn seal(client: &Client) {
    assert_eq!(client.post("sys/seal", json!({})).status, 204);
    assert!(is_sealed(client));
}

/// All choices of `count` of the shares.
fn choices(shares: &[String], count: usize) -> Vec<Vec<String>> {
    let Some((first, rest)) = shares.split_first() else {
        return if count == 0 { vec![vec![]] } else { vec![] };
    };
    let mut all = choices(rest, count);
    if let Some(fewer) = count.checked_sub(1) {
        for mut choice in choices(rest, fewer) {
            choice.push(first.clone());
            all.push(choice);
        }
    }
    all
}

fn write_secret(root: &Client, text: &str) {
    let mount = json!({ "type": "kv" });
    assert_eq!(root.post("sys/mounts/safe", mount).status, 204);
    assert_eq!(root.post("safe/it", json!({ "is": text })).status, 204);
}

fn secret(root: &Client) -> Value {
    data(&root.get("safe/it"))["is"].clone()
}

fn a_store_is_made_once_and_opened_share_by_share() {
    let house = House::new();
    let mut server = house.serve();
    let client = server.client();
    let status = ok(client.get("sys/seal-status"));
    assert_eq!(status["initialized"], false);
    assert_eq!((&status["t"], &status["n"]), (&json!(0), &json!(0)));
    assert_eq!(ok(client.get("sys/init"))["initialized"], false);
    assert_eq!(client.get("sys/health").status, 501);
    assert_eq!(client.get("sys/health?uninitcode=299").status, 299);
    let key = STANDARD.encode([1; 33]);
    refused(give(&client, &key), "not initialized");

    let keys = init(&client, 5, 3);
    assert_eq!(keys.shares.len(), 5);
    refused(
        client.post("sys/init", json!({ "secret_shares": 1, "secret_threshold": 1 })),
        "Vault is already initialized",
    );
    assert_eq!(client.get("sys/health").status, 503);
    assert_eq!(client.get("sys/health?sealedcode=299&uninitcode=298").status, 299);
    assert_eq!(client.send("HEAD", "sys/health", None).status, 503);
    assert!(client.send("HEAD", "sys/health", None).body.is_empty());
    assert_eq!(client.get("sys/mounts").status, 503);
    assert_eq!(client.get("sys/rekey/init").json()["errors"], json!(["node is not active"]));
    assert_eq!(client.get("sys/generate-root/attempt").status, 503);
    // Sealing what is sealed is anybody's.
    assert_eq!(client.post("sys/seal", json!({})).status, 204);

    let first = ok(give(&client, &keys.shares[0]));
    assert_eq!((&first["progress"], &first["t"], &first["n"]), (&json!(1), &json!(3), &json!(5)));
    assert!(!first["nonce"].as_str().unwrap().is_empty());
    let again = ok(give(&client, &keys.shares[0]));
    assert_eq!((&again["progress"], &again["nonce"]), (&json!(1), &first["nonce"]));
    let second = ok(give(&client, &keys.shares[1]));
    assert_eq!((&second["progress"], &second["nonce"]), (&json!(2), &first["nonce"]));
    let reset = ok(client.post("sys/unseal", json!({ "reset": true })));
    assert_eq!((&reset["progress"], &reset["nonce"]), (&json!(0), &json!("")));
    let anew = ok(give(&client, &keys.shares[0]));
    assert_ne!(anew["nonce"], first["nonce"]);
    ok(client.post("sys/unseal", json!({ "reset": true })));

    // A share in hex counts as in base64.
    let bytes = STANDARD.decode(&keys.shares[2]).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    ok(give(&client, &hex));
    assert_eq!(ok(give(&client, &keys.shares[2]))["progress"], 1);
    ok(give(&client, &keys.shares[3]));
    let open = ok(give(&client, &keys.shares[4]));
    assert_eq!(open["sealed"], false);
    assert!(open["cluster_id"].is_string());
    assert_eq!(client.get("sys/health").status, 200);
    refused(client.post("sys/unseal", json!({ "reset": true })), "vault is unsealed");

    let root = client.clone().token(&keys.root);
    write_secret(&root, "kept");
    assert_eq!(client.post("sys/seal", json!({})).status, 403);
    server.kill();

    let server = house.serve();
    let root = server.client().token(&keys.root);
    assert_eq!(root.get("safe/it").status, 503);
    unseal(&root, &keys.shares[1..4]);
    assert_eq!(secret(&root), "kept");
}

fn any_three_of_five_shares_open_and_no_two_do() {
    let house = House::new();
    let server = house.serve();
    let client = server.client();
    let keys = init(&client, 5, 3);
    let root = client.clone().token(&keys.root);
    let threes = choices(&keys.shares, 3);
    assert_eq!(threes.len(), 10);
    for three in threes {
        unseal(&client, &three);
        seal(&root);
    }
    let strange = STANDARD.encode([7; 33]);
    for two in choices(&keys.shares, 2) {
        for share in &two {
            assert_eq!(ok(give(&client, share))["sealed"], true);
        }
        refused(give(&client, &strange), "invalid key");
        let status = ok(client.get("sys/seal-status"));
        assert_eq!((&status["sealed"], &status["progress"]), (&json!(true), &json!(0)));
    }
    unseal(&client, &keys.shares[..3]);
}

fn one_share_is_the_key_and_odd_shapes_are_refused() {
    let house = House::new();
    let server = house.serve();
    let client = server.client();
    for (shares, threshold, text) in [
        (0, 0, "shares must be at least one"),
        (3, 0, "threshold must be at least one"),
        (3, 1, "threshold must be greater than one for multiple shares"),
        (2, 3, "threshold cannot be larger than shares"),
        (256, 2, "shares must be less than 256"),
        (-1, -1, "shares must be at least one"),
    ] {
        let body = json!({ "secret_shares": shares, "secret_threshold": threshold });
        refused(client.post("sys/init", body), text);
    }
    for key in ["keybase:someone", "nonsense", "AAAA"] {
        let body = json!({ "secret_shares": 1, "secret_threshold": 1, "pgp_keys": [key] });
        refused(client.post("sys/init", body), "invalid seal configuration: ");
    }
    assert_eq!(ok(client.get("sys/init"))["initialized"], false);
    let keys = init(&client, 1, 1);
    assert_eq!(STANDARD.decode(&keys.shares[0]).unwrap().len(), 32);
    refused(give(&client, &STANDARD.encode([9; 32])), "invalid key");
    refused(give(&client, &STANDARD.encode([9; 33])), "invalid key");
    unseal(&client, &keys.shares);
}

fn rekey_update(client: &Client, key: &str, nonce: &Value) -> Reply {
    client.post("sys/rekey/update", json!({ "key": key, "nonce": nonce }))
}

fn a_rekey_puts_new_shares_in_the_place_of_the_old() {
    let house = House::new();
    let mut server = house.serve();
    let client = server.client();
    let keys = init(&client, 3, 2);
    unseal(&client, &keys.shares[..2]);
    write_secret(&client.clone().token(&keys.root), "kept");

    let body = json!({ "secret_shares": 4, "secret_threshold": 3 });
    let begun = ok(client.post("sys/rekey/init", body.clone()));
    assert_eq!((&begun["t"], &begun["n"], &begun["required"]), (&json!(3), &json!(4), &json!(2)));
    refused(client.post("sys/rekey/init", body.clone()), "rekey already in progress");
    assert_eq!(client.delete("sys/rekey/init").status, 204);
    refused(rekey_update(&client, &keys.shares[0], &begun["nonce"]), "no barrier rekey");

    let begun = ok(client.post("sys/rekey/init", body));
    let nonce = &begun["nonce"];
    refused(rekey_update(&client, &keys.shares[0], &json!("other")), "incorrect nonce");
    assert_eq!(ok(rekey_update(&client, &keys.shares[0], nonce))["progress"], 1);
    refused(rekey_update(&client, &keys.shares[0], nonce), "already been provided");
    refused(rekey_update(&client, &STANDARD.encode([5; 33]), nonce), "invalid key");
    assert_eq!(ok(client.get("sys/rekey/init"))["progress"], 0);
    ok(rekey_update(&client, &keys.shares[2], nonce));
    let done = ok(rekey_update(&client, &keys.shares[0], nonce));
    assert_eq!((&done["complete"], &done["nonce"]), (&json!(true), nonce));
    let new = texts(&done["keys_base64"]);
    assert_eq!(new.len(), 4);
    assert_eq!(ok(client.get("sys/rekey/init"))["started"], false);
    server.kill();

    let server = house.serve();
    let client = server.client();
    ok(give(&client, &keys.shares[0]));
    ok(give(&client, &keys.shares[1]));
    refused(give(&client, &keys.shares[2]), "invalid key");
    unseal(&client, &new[1..]);
    assert_eq!(secret(&client.token(&keys.root)), "kept");
}

fn a_verified_rekey_is_in_force_only_when_its_shares_came_back() {
    let house = House::new();
    let mut server = house.serve();
    let client = server.client();
    let keys = init(&client, 1, 1);
    unseal(&client, &keys.shares);
    let verify = |client: &Client, key: &str, nonce: &Value| {
        client.post("sys/rekey/verify", json!({ "key": key, "nonce": nonce }))
    };
    let hand_out = |client: &Client| {
        let body = json!({
            "secret_shares": 3, "secret_threshold": 2, "require_verification": true,
        });
        let begun = ok(client.post("sys/rekey/init", body));
        let done = ok(rekey_update(client, &keys.shares[0], &begun["nonce"]));
        assert_eq!(done["verification_required"], true);
        (texts(&done["keys_base64"]), done["verification_nonce"].clone())
    };

    // Killed in the middle: the old share still opens.
    let (lost, nonce) = hand_out(&client);
    assert_eq!(ok(verify(&client, &lost[0], &nonce))["progress"], 1);
    server.kill();
    let mut server = house.serve();
    let client = server.client();
    unseal(&client, &keys.shares);
    assert_eq!(ok(client.get("sys/rekey/init"))["started"], false);

    let (new, nonce) = hand_out(&client);
    refused(verify(&client, &new[0], &json!("other")), "incorrect nonce");
    ok(verify(&client, &new[0], &nonce));
    refused(verify(&client, &new[0], &nonce), "already been provided");
    refused(verify(&client, &lost[1], &nonce), "rekey verification failed");
    let restarted = ok(client.get("sys/rekey/verify"));
    assert_eq!((&restarted["progress"], &restarted["started"]), (&json!(0), &json!(true)));
    assert_ne!(restarted["nonce"], nonce);
    let anew = ok(client.delete("sys/rekey/verify"));
    assert_ne!(anew["nonce"], restarted["nonce"]);
    ok(verify(&client, &new[2], &anew["nonce"]));
    assert_eq!(ok(verify(&client, &new[1], &anew["nonce"]))["complete"], true);
    server.kill();

    let server = house.serve();
    let client = server.client();
    assert_eq!(ok(give(&client, &new[0]))["progress"], 1);
    unseal(&client, &new[1..2]);
}

fn generate(client: &Client, key: &str, nonce: &Value) -> Reply {
    client.post("sys/generate-root/update", json!({ "key": key, "nonce": nonce }))
}

fn a_lost_root_token_has_a_way_back() {
    let house = House::new();
    let server = house.serve();
    let client = server.client();
    let keys = init(&client, 3, 2);
    unseal(&client, &keys.shares[..2]);

    let begun = ok(client.post("sys/generate-root/attempt", json!({})));
    let (nonce, otp) = (&begun["nonce"], begun["otp"].as_str().unwrap());
    assert_eq!(otp.len(), 28);
    assert_eq!(ok(client.get("sys/generate-root/attempt"))["otp"], "");
    assert_eq!(ok(generate(&client, &keys.shares[0], nonce))["complete"], false);
    refused(generate(&client, &keys.shares[0], nonce), "already been provided");
    let wrong = generate(&client, &STANDARD.encode([3; 33]), nonce);
    refused(wrong, "root generation aborted");
    ok(generate(&client, &keys.shares[2], nonce));
    let done = ok(generate(&client, &keys.shares[1], nonce));
    assert_eq!((&done["complete"], &done["progress"]), (&json!(true), &json!(2)));
    let covered = STANDARD_NO_PAD.decode(done["encoded_token"].as_str().unwrap()).unwrap();
    let token: Vec<u8> = covered.iter().zip(otp.bytes()).map(|(c, o)| c ^ o).collect();
    let token = String::from_utf8(token).unwrap();
    assert!(token.starts_with("hvs."), "{token}");
    assert_ne!(token, keys.root);
    assert_eq!(client.clone().token(&token).get("sys/key-status").status, 200);
    assert_eq!(ok(client.get("sys/generate-root/attempt"))["started"], false);

    // Sealing ends what was begun.
    ok(client.post("sys/generate-root/attempt", json!({})));
    ok(client.post("sys/rekey/init", json!({ "secret_shares": 1, "secret_threshold": 1 })));
    seal(&client.clone().token(&token));
    unseal(&client, &keys.shares[1..]);
    assert_eq!(ok(client.get("sys/generate-root/attempt"))["started"], false);
    assert_eq!(ok(client.get("sys/rekey/init"))["started"], false);
}

fn rotated_keys_leave_everything_readable() {
    let house = House::new();
    let mut server = house.serve();
    let client = server.client();
    let keys = init(&client, 1, 1);
    unseal(&client, &keys.shares);
    let root = client.token(&keys.root);
    write_secret(&root, "kept");
    assert_eq!(root.send("PUT", "sys/rotate", None).status, 200);
    assert_eq!(root.post("safe/other", json!({ "a": 1 })).status, 204);
    let status = ok(root.get("sys/key-status"));
    assert_eq!(status["data"]["term"], 2);
    assert!(status["data"]["encryptions"].as_u64().unwrap() >= 1);
    assert_eq!(root.post("sys/rotate/config", json!({ "enabled": false })).status, 204);
    assert_eq!(server.client().post("sys/rotate", json!({})).status, 403);
    server.kill();

    let server = house.serve();
    let root = server.client().token(&keys.root);
    unseal(&root, &keys.shares);
    assert_eq!(secret(&root), "kept");
    assert_eq!(data(&root.get("safe/other"))["a"], 1);
    assert_eq!(ok(root.get("sys/key-status"))["term"], 2);
    assert_eq!(data(&root.get("sys/rotate/config"))["enabled"], false);
}

/// A GnuPG of our own, with keys without passphrases.
struct Gpg(TempDir);

impl Gpg {
    fn new() -> Self {
        needs_package("OpenPGP", Command::new("gpg").arg("--version").output().ok(), "gnupg");
        Self(TempDir::new())
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("gpg")
            .args(["--batch", "--quiet", "--homedir", self.0.path().to_str().unwrap()])
            .args(["--passphrase", "", "--pinentry-mode", "loopback"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {args:?}: {said}");
        output.stdout
    }

    /// Makes a key that signs, and with `encrypts`, a part of it that encrypts; its fingerprint.
    fn key(&self, name: &str, signs: &str, encrypts: Option<&str>) -> String {
        self.run(&["--quick-generate-key", name, signs, "sign", "never"], b"");
        let fingerprint = self.fingerprints(name).swap_remove(0);
        if let Some(encrypts) = encrypts {
            self.run(&["--quick-add-key", &fingerprint, encrypts, "encr", "never"], b"");
        }
        fingerprint
    }

    /// The fingerprints of a key and of its subkeys, in the order in which they were made.
    fn fingerprints(&self, name: &str) -> Vec<String> {
        let list = self.run(&["--with-colons", "--fingerprint", "--fingerprint", name], b"");
        let list = String::from_utf8(list).unwrap();
        let lines = list.lines().filter(|line| line.starts_with("fpr:"));
        lines.map(|line| line.trim_start_matches("fpr").replace(':', "")).collect()
    }

    fn public(&self, fingerprint: &str) -> String {
        STANDARD.encode(self.run(&["--export", fingerprint], b""))
    }

    fn armored(&self, fingerprint: &str) -> String {
        String::from_utf8(self.run(&["--armor", "--export", fingerprint], b"")).unwrap()
    }

    fn open(&self, base64: &Value) -> String {
        let message = STANDARD.decode(base64.as_str().unwrap()).unwrap();
        String::from_utf8(self.run(&["--decrypt"], &message)).unwrap()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let home = self.0.path();
        let _ = Command::new("gpgconf").arg("--homedir").arg(home).args(["--kill", "all"]).status();
    }
}

fn shares_and_tokens_are_encrypted_to_keys_of_gnupg() {
    let gpg = Gpg::new();
    let rsa = gpg.key("rsa@example.org", "rsa2048", Some("rsa2048"));
    let curve = gpg.key("curve@example.org", "ed25519", Some("cv25519"));
    let signs_only = gpg.key("signs@example.org", "ed25519", None);
    let house = House::new();
    let server = house.serve();
    let client = server.client();

    let unusable = json!({
        "secret_shares": 1, "secret_threshold": 1, "pgp_keys": [gpg.public(&signs_only)],
    });
    refused(client.post("sys/init", unusable), "may encrypt");
    let body = json!({
        "secret_shares": 2,
        "secret_threshold": 2,
        "pgp_keys": [gpg.public(&rsa), gpg.armored(&curve)],
        "root_token_pgp_key": gpg.public(&curve),
    });
    let made = ok(client.post("sys/init", body));
    let shares = made["keys_base64"].as_array().unwrap();
    let shares: Vec<String> = shares.iter().map(|share| gpg.open(share)).collect();
    unseal(&client, &shares);
    let root = client.clone().token(&gpg.open(&made["root_token"]));
    assert_eq!(root.get("sys/key-status").status, 200);

    let body = json!({
        "secret_shares": 1, "secret_threshold": 1, "pgp_keys": [gpg.public(&rsa)], "backup": true,
    });
    let begun = ok(client.post("sys/rekey/init", body));
    let fingerprint = rsa.to_ascii_lowercase();
    assert_eq!(begun["pgp_fingerprints"], json!([fingerprint]));
    ok(rekey_update(&client, &shares[0], &begun["nonce"]));
    let done = ok(rekey_update(&client, &shares[1], &begun["nonce"]));
    let backup = ok(root.get("sys/rekey/backup"));
    assert_eq!(backup["data"]["keys"][&fingerprint], done["keys"]);
    assert_eq!(backup["keys_base64"][&fingerprint], done["keys_base64"]);
    assert_eq!(backup["nonce"], begun["nonce"]);
    let share = gpg.open(&done["keys_base64"][0]);
    assert_eq!(root.delete("sys/rekey/backup").status, 204);
    refused(root.get("sys/rekey/backup"), "no backed-up keys found");
    seal(&root);
    unseal(&client, std::slice::from_ref(&share));

    let body = json!({ "pgp_key": gpg.armored(&curve) });
    let begun = ok(client.post("sys/generate-root/attempt", body));
    assert_eq!(
        (&begun["otp"], &begun["pgp_fingerprint"]),
        (&json!(""), &json!(curve.to_ascii_lowercase()))
    );
    let done = ok(generate(&client, &share, &begun["nonce"]));
    let token = gpg.open(&done["encoded_root_token"]);
    assert_eq!(client.token(&token).get("sys/key-status").status, 200);
}

fn the_part_of_a_key_that_may_encrypt_is_found() {
    let gpg = Gpg::new();
    let on = |day: &str, args: &[&str]| {
        gpg.run(&[&["--faked-system-time", &format!("{day}T000000")], args].concat(), b"");
    };
    gpg.run(&["--quick-generate-key", "both@example.org", "rsa3072", "sign,encr", "never"], b"");
    let both = gpg.fingerprints("both@example.org").swap_remove(0);
    let large = gpg.key("large@example.org", "ed25519", Some("rsa4096"));
    on("20200101", &["--quick-generate-key", "worn@example.org", "ed25519", "sign", "never"]);
    let worn = gpg.fingerprints("worn@example.org").swap_remove(0);
    on("20200102", &["--quick-add-key", &worn, "rsa2048", "encr", "never"]);
    on("20200103", &["--quick-add-key", &worn, "cv25519", "encr", "never"]);
    on("20200104", &["--quick-add-key", &worn, "cv25519", "encr", "2020-02-01"]);
    on("20200105", &["--quick-add-key", &worn, "cv25519", "encr", "never"]);
    on("20200106", &["--quick-add-key", &worn, "nistp256", "encr", "never"]);
    let revoke = b"key 4\nrevkey\ny\n0\n\ny\nsave\n";
    gpg.run(&["--command-fd", "0", "--edit-key", &worn], revoke);

    let house = House::new();
    let server = house.serve();
    let client = server.client();
    let body = json!({
        "secret_shares": 3,
        "secret_threshold": 3,
        "pgp_keys": [gpg.public(&both), gpg.public(&large), gpg.public(&worn)],
    });
    let made = ok(client.post("sys/init", body));
    let shares = made["keys_base64"].as_array().unwrap();
    for (share, expected) in shares.iter().zip([
        &both,
        &gpg.fingerprints("large@example.org")[1],
        &gpg.fingerprints("worn@example.org")[2],
    ]) {
        let message = STANDARD.decode(share.as_str().unwrap()).unwrap();
        let said = gpg.run(&["--status-fd", "1", "--list-only", "--decrypt"], &message);
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(&format!("ENC_TO {} ", &expected[24..])), "{expected}: {said}");
    }
    let shares: Vec<String> = shares.iter().map(|share| gpg.open(share)).collect();
    unseal(&client, &shares);
}

fn a_key_that_cannot_be_encrypted_to_is_refused_with_the_reason() {
    let gpg = Gpg::new();
    let good = gpg.key("good@example.org", "ed25519", Some("cv25519"));
    let signs_only = gpg.key("signs@example.org", "ed25519", None);
    let other = gpg.key("other@example.org", "ed25519", Some("nistp256"));
    let primary = gpg.key("primary@example.org", "nistp256", Some("cv25519"));
    let revoked = gpg.key("revoked@example.org", "ed25519", Some("cv25519"));
    let old = ["old@example.org", "ed25519", "sign", "2020-02-01"];
    gpg.run(
        &[&["--faked-system-time", "20200101T000000", "--quick-generate-key"], &old[..]].concat(),
        b"",
    );
    let secret = gpg.run(&["--export-secret-keys", &good], b"");
    let good = STANDARD.decode(gpg.public(&good)).unwrap();
    // Packets of this key are short and in the old format: a byte of tag, a byte of length.
    let mut subkey = &good[..];
    while subkey[0] >> 2 & 0x0f != 14 {
        subkey = &subkey[2 + usize::from(subkey[1])..];
    }
    let slipped_in = [&STANDARD.decode(gpg.public(&signs_only)).unwrap(), subkey].concat();
    let revocation = gpg.0.path().join("openpgp-revocs.d").join(format!("{revoked}.rev"));
    let revocation = std::fs::read_to_string(revocation).unwrap().replace(":---", "---");
    gpg.run(&["--import"], revocation.as_bytes());

    let house = House::new();
    let server = house.serve();
    let client = server.client();
    for (key, text) in [
        (gpg.public(&signs_only), "has no part that may encrypt"),
        (STANDARD.encode(slipped_in), "has no part that may encrypt"),
        (STANDARD.encode(secret), "it is a secret key"),
        (gpg.public(&revoked), "the given PGP key is revoked"),
        (gpg.public("old@example.org"), "the given PGP key has expired"),
        (gpg.public(&other), "encrypts with ECDH on another curve than Curve25519"),
        (gpg.public(&primary), "signs with ECDSA"),
        (STANDARD.encode(&good[..good.len() - 1]), "it is damaged or cut short"),
    ] {
        let body = json!({ "secret_shares": 1, "secret_threshold": 1, "pgp_keys": [key] });
        refused(client.post("sys/init", body), text);
    }
    assert_eq!(ok(client.get("sys/init"))["initialized"], false);
}

/// A root token more, made of its one share.
fn another_root(client: &Client, share: &str) -> Client {
    let begun = ok(client.post("sys/generate-root/attempt", json!({})));
    let done = ok(generate(client, share, &begun["nonce"]));
    let covered = done["encoded_root_token"].as_str().unwrap();
    let covered = STANDARD_NO_PAD.decode(covered).unwrap();
    let otp = begun["otp"].as_str().unwrap().as_bytes();
    let token: Vec<u8> = covered.iter().zip(otp).map(|(byte, pad)| byte ^ pad).collect();
    client.clone().token(std::str::from_utf8(&token).unwrap())
}

/// How many entries the store has.
fn entries(root: &Client) -> u64 {
    let snapshot = root.get("sys/storage/raft/snapshot").body;
    inspect(&snapshot[..]).unwrap().meta.about.entries
}

fn a_revoked_token_leaves_nothing_behind() {
    let house = House::new();
    let server = house.serve();
    let client = server.client();
    let keys = init(&client, 1, 1);
    unseal(&client, &keys.shares);
    let root = client.clone().token(&keys.root);
    let before = entries(&root);
    let leaving = another_root(&client, &keys.shares[0]);
    for path in ["cubbyhole/a", "cubbyhole/a/b", "cubbyhole/c"] {
        assert_eq!(leaving.post(path, json!({ "of": path })).status, 204);
        assert_eq!(root.post(path, json!({ "of": path })).status, 204);
    }
    assert_eq!(leaving.post("auth/token/revoke-self", json!({})).status, 204);
    assert_eq!(leaving.get("cubbyhole/a").status, 403);
    assert_eq!(entries(&root), before + 3);
    assert_eq!(data(&root.get("cubbyhole/a/b"))["of"], "cubbyhole/a/b");
}

/// A JSON object with so many numbers in it.
fn numbers(count: usize) -> String {
    format!("{{\"a\":[0{}]}}", ",0".repeat(count - 1))
}

/// Kilobytes of memory that the server has had at most.
fn most_memory(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}

fn nobody_without_a_token_makes_the_server_build_what_they_send() {
    let house = House::new();
    let server = house.serve();
    let client = server.client();
    let Keys { shares, root } = init(&client, 1, 1);
    let large = numbers(16_000_000);
    let upload = |client: &Client, path: &str, body: &str| {
        let reply = client.upload(path, body.as_bytes()).unwrap();
        (reply.status, reply.json()["errors"].clone())
    };
    let no_json = json!(["error parsing JSON"]);

    assert_eq!(upload(&client, "safe/it", &large), (503, json!(["Vault is sealed"])));
    assert_eq!(upload(&client, "safe/it", "{").0, 400);
    assert_eq!(upload(&client, "sys/unseal", &large), (413, no_json.clone()));
    assert_eq!(upload(&client, "sys/unseal", &numbers(10_001)), (400, no_json.clone()));
    unseal(&client, &shares);

    let denied = json!(["permission denied"]);
    for client in [&client, &client.clone().token("hvs.unknown")] {
        assert_eq!(upload(client, "safe/it", &large), (403, denied.clone()));
        assert_eq!(upload(client, "safe/it", "{"), (403, denied.clone()));
    }
    let root = client.clone().token(&root);
    assert_eq!(root.post("sys/auth/userpass", json!({ "type": "userpass" })).status, 204);
    for path in ["auth/userpass/login/ann", "sys/wrapping/unwrap", "sys/wrapping/lookup"] {
        assert_eq!(upload(&client, path, &large), (413, no_json.clone()), "{path}");
        assert_eq!(upload(&client, path, &numbers(10_001)), (400, no_json.clone()), "{path}");
    }
    write_secret(&root, "small");
    assert_eq!(upload(&root, "safe/it", &large), (400, no_json));
    assert!(most_memory(&server) < 300_000, "{} kB", most_memory(&server));
    assert_eq!(upload(&root, "safe/it", &numbers(100_000)).0, 204);
}

fn what_was_to_be_wrapped_never_goes_out_in_the_clear() {
    let server = Server::dev();
    let headers = [("X-Vault-Token", support::ROOT), ("X-Vault-Wrap-TTL", "60")];
    let asked = |method: &str, path: &str| {
        let path = format!("/v1/{path}");
        server.client().try_send(method, &path, &headers, None).unwrap().json()
    };
    for (path, field) in [("sys/rotate/config", "max_operations"), ("sys/key-status", "term")] {
        let plain = data(&server.root().get(path));
        let wrapped = asked("GET", path);
        assert_eq!(wrapped["data"], Value::Null, "{wrapped}");
        assert!(!wrapped.to_string().contains(field), "{wrapped}");
        let token = wrapped["wrap_info"]["token"].clone();
        let unwrapped = server.root().post("sys/wrapping/unwrap", json!({ "token": token }));
        assert_eq!(data(&unwrapped)[field], plain[field], "{path}");
    }
}

fn whom_nobody_let_in_seals_nothing_that_is_opened_this_moment() {
    let house = House::new();
    let limits = "unauthenticated_rate = 0\n unauthenticated_total_rate = 0";
    let server = house.serve_with(&format!("limits {{\n {limits}\n}}\n"));
    let client = server.client();
    let keys = init(&client, 1, 1);
    let root = client.clone().token(&keys.root);
    let end = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let stranger = server.client();
            let end = &end;
            scope.spawn(move || {
                while !end.load(std::sync::atomic::Ordering::Relaxed) {
                    // As it is sealed, open, or being opened.
                    let status = stranger.post("sys/seal", json!({})).status;
                    assert!([204, 400, 403, 503].contains(&status), "{status}");
                }
            });
        }
        for _ in 0..100 {
            let opened = ok(give(&client, &keys.shares[0]));
            if opened["sealed"] != false || root.post("sys/seal", json!({})).status != 204 {
                end.store(true, std::sync::atomic::Ordering::Relaxed);
                panic!("somebody else has sealed it: {opened}");
            }
        }
        end.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
