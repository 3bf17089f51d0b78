//! What the service manager is told.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::manager::Managed;
use super::support::harness::needs;
use super::support::http::Client;
use super::support::volume::{Missing, Volume, does};
use super::support::{TempDir, eventually};

/// How long the manager of these tests waits for a server to say that it is well, in microseconds.
/// It says so every fourth part of that.
const WATCHDOG: u64 = 2_000_000;
/// In which it surely would.
const LONG: Duration = Duration::from_secs(4);

/// Makes its store; the shares and the root token.
fn initialise(client: &Client, shares: u8, threshold: u8) -> (Vec<String>, String) {
    let split = json!({ "secret_shares": shares, "secret_threshold": threshold });
    let made = client.post("sys/init", split).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let keys = made["keys_base64"].as_array().unwrap().iter().map(text).collect();
    (keys, text(&made["root_token"]))
}

fn unseal(client: &Client, share: &str) {
    assert_eq!(client.post("sys/unseal", json!({ "key": share })).status, 200);
}

/// A server with an open store and kv 1 at `kv/`; a client of it, and the one share.
fn opened(server: &mut Managed) -> (Client, String) {
    server.start();
    server.hear_of("READY=1");
    let client = server.client();
    let (keys, token) = initialise(&client, 1, 1);
    unseal(&client, &keys[0]);
    let client = client.token(&token);
    assert_eq!(client.post("sys/mounts/kv", json!({ "type": "kv" })).status, 204);
    (client, keys[0].clone())
}

pub fn it_is_told_each_state() {
    let mut server = Managed::new(None);
    server.start();
    let ready = server.hear_of("READY=1");
    assert_eq!(ready, ["READY=1", "STATUS=not initialised"]);
    let client = server.client();
    let (keys, _) = initialise(&client, 5, 3);
    server.hear_of("STATUS=sealed, 0 of 3 keys");
    unseal(&client, &keys[0]);
    server.hear_of("STATUS=sealed, 1 of 3 keys");
    unseal(&client, &keys[1]);
    server.hear_of("STATUS=sealed, 2 of 3 keys");
    unseal(&client, &keys[2]);
    server.hear_of("STATUS=unsealed");
    server.signal(Signal::TERM);
    let end = server.hear_of("STOPPING=1");
    assert_eq!(end, ["STOPPING=1", "STATUS=stopping: running requests may end"]);
    assert!(server.wait());
}

pub fn it_is_told_what_a_sealed_store_waits_for() {
    let stick = TempDir::new();
    let key = stick.path().join("key");
    fs::write(&key, [7; 32]).unwrap();
    let seal = format!(
        "seal \"static\" {{\n current_key_id = \"one\"\n current_key = \"file://{}\"\n}}",
        key.display()
    );
    let mut server = Managed::new(None).configured(&seal);
    server.start();
    server.hear_of("STATUS=not initialised");
    let split = json!({ "recovery_shares": 2, "recovery_threshold": 2 });
    let made = server.client().post("sys/init", split).json();
    server.hear_of("STATUS=unsealed");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let root = server.client().token(&text(&made["root_token"]));
    assert_eq!(root.post("sys/seal", json!({})).status, 204);
    server.hear_of("STATUS=sealed by request, 0 of 2 recovery keys");
    unseal(&server.client(), &text(&made["recovery_keys_base64"][0]));
    server.hear_of("STATUS=sealed by request, 1 of 2 recovery keys");
    server.signal(Signal::TERM);
    assert!(server.wait());
    fs::remove_file(&key).unwrap();
    server.forget();
    server.start();
    server.hear_of("STATUS=sealed, waits for its seal static");
    unseal(&server.client(), &text(&made["recovery_keys_base64"][0]));
    server.hear_of("STATUS=sealed, waits for its seal static, 1 of 2 recovery keys");
    server.signal(Signal::TERM);
    assert!(server.wait());

    let mut server = server.configured("");
    server.forget();
    server.start();
    server.hear_of("STATUS=sealed, 0 of 2 keys to change its seal");
}

pub fn a_reload_has_a_begin_and_an_end() {
    let mut server = Managed::new(None);
    server.start();
    server.hear_of("READY=1");
    let mut last = 0;
    for _ in 0..3 {
        server.signal(Signal::HUP);
        let begin = server.hear_of("RELOADING=1");
        let when = begin.iter().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
        let when: u64 = when.unwrap().parse().unwrap();
        assert!(when > last, "{begin:?}");
        last = when;
        server.hear_of("READY=1");
        assert_eq!(server.log().matches("certificates were read anew").count(), 1);
        fs::write(server.log_file(), "").unwrap();
    }
}

pub fn a_reload_tells_what_it_does_not_take() {
    let mut server = Managed::new(None);
    server.start();
    server.hear_of("READY=1");
    let broken = "; the configuration is broken, and the next start would fail";
    let stick = "seal \"static\" {\n current_key_id = \"1\"\n current_key = \"file:///key\"\n}";
    for (more, state, said) in [
        ("seal \"stati", broken, "ERROR"),
        // What -test refuses.
        ("log_file = \"/nowhere/at/all.log\"", broken, "there is no folder /nowhere/at"),
        (
            "listener \"unix\" { address = \"/nowhere/at/all.sock\" }",
            broken,
            "there is no folder /nowhere/at",
        ),
        (
            stick,
            "; the seal was changed in the configuration, which the next start takes",
            "restart the server, or undo the change",
        ),
        (
            "snapshot \"box\" {\n type = \"file\"\n path_prefix = \"/mnt\"\n interval = \"1h\"\n}",
            "; a snapshot was changed in the configuration, which the next start takes",
            "snapshot \"box\" was changed, added or taken out",
        ),
        ("", "", "certificates were read anew"),
    ] {
        server.configure(more);
        fs::write(server.log_file(), "").unwrap();
        server.signal(Signal::HUP);
        let told = server.hear_of("READY=1");
        assert_eq!(told, ["READY=1".to_owned(), format!("STATUS=not initialised{state}")]);
        assert!(server.log().contains(said), "{}", server.log());
    }
}

pub fn a_manager_at_an_abstract_name_is_told() {
    let mut server = Managed::at_abstract_name();
    server.start();
    server.hear_of("READY=1");
    server.signal(Signal::TERM);
    server.hear_of("STOPPING=1");
    assert!(server.wait());
}

/// It looks through so much for some time.
const MUCH: usize = 64;

pub fn a_stop_is_heard_while_the_store_is_checked() {
    let mut server = Managed::new(None);
    let (client, share) = opened(&mut server);
    let megabyte = "x".repeat(1_000_000);
    for name in 0..MUCH {
        let written = client.post(&format!("kv/{name}"), json!({ "v": megabyte }));
        assert_eq!(written.status, 204);
    }
    server.signal(Signal::KILL);
    server.wait();
    let before = fs::read(server.data_file()).unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        server.forget();
        server.start();
        server.hear_of("STATUS=checking the store 0 %");
        server.signal(signal);
        let (told, well) = server.hear_the_rest();
        assert!(well, "{}", server.log());
        let ready = told.iter().flatten().find(|line| *line == "READY=1");
        assert_eq!(ready, None, "it was looked through to its end");
        assert!(before == fs::read(server.data_file()).unwrap(), "the file was changed");
    }
    server.forget();
    server.start();
    server.hear_of("STATUS=checking the store 0 %");
    server.hear_of("READY=1");
    unseal(&server.client(), &share);
    assert_eq!(client.get("kv/63").json()["data"]["v"], megabyte.as_str());
}

pub fn a_store_that_was_not_closed_is_checked_with_patience() {
    let mut server = Managed::new(None);
    opened(&mut server);
    server.signal(Signal::KILL);
    server.wait();
    server.forget();
    server.start();
    let told = server.hear_of("EXTEND_TIMEOUT_USEC=30000000");
    let state = told.iter().find_map(|line| line.strip_prefix("STATUS=")).unwrap();
    assert!(state.starts_with("checking the store ") && state.ends_with(" %"), "{state}");
    assert_eq!(server.hear_of("READY=1"), ["READY=1", "STATUS=sealed, 0 of 1 keys"]);
}

pub fn a_standby_says_what_it_follows() {
    let target = TempDir::new();
    let more = format!(
        "snapshot \"box\" {{\n  type = \"file\"\n  path_prefix = \"{}\"\n  interval = \"1h\"\n}}",
        target.path().display()
    );
    let mut server = Managed::new(None).configured(&more).argument("-follow=box");
    server.start();
    assert_eq!(server.hear_of("READY=1"), ["READY=1", "STATUS=standby, follows box"]);
}

pub fn a_server_that_stands_still_does_not_say_that_it_is_well() {
    let mut server = Managed::new(None).with("WATCHDOG_USEC", WATCHDOG);
    opened(&mut server);
    let told = server.hear_of("WATCHDOG=1");
    assert!(told.iter().any(|line| line == "STATUS=unsealed"), "{told:?}");
    server.hear_of("WATCHDOG=1");
    server.signal(Signal::STOP);
    eventually("it stands still", || server.stands_still());
    server.forget();
    assert_eq!(server.hear(LONG), None);
    server.signal(Signal::CONT);
    server.hear_of("WATCHDOG=1");
}

/// A file system on which whoever writes waits, until this is dropped.
struct Frozen<'a>(&'a Volume);

impl<'a> Frozen<'a> {
    fn new(volume: &'a Volume) -> Result<Self, Missing> {
        does(Command::new("fsfreeze").arg("--freeze").arg(volume.path()))?;
        Ok(Self(volume))
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let _ = Command::new("fsfreeze").arg("--unfreeze").arg(self.0.path()).status();
    }
}

pub fn a_server_whose_writer_hangs_does_not_say_that_it_is_well() {
    let volume = Volume::mounted("ext4", 64 << 20);
    let mut server = Managed::new(Some(volume.path().join("data"))).with("WATCHDOG_USEC", WATCHDOG);
    let (client, _) = opened(&mut server);
    server.hear_of("WATCHDOG=1");
    thread::scope(|scope| {
        let frozen = needs("a writer that hangs", Frozen::new(&volume));
        let write = scope.spawn(|| client.post("kv/a", json!({ "v": 1 })));
        eventually("the hanging writer is noticed", || server.log().contains("the writer hangs"));
        server.forget();
        // It reads, and answers, all the while.
        assert_eq!(client.get("sys/health").status, 200);
        let told = server.hear(LONG);
        drop(frozen);
        assert_eq!(told, None, "a writer that hangs was not told of");
        assert_eq!(write.join().unwrap().status, 204);
    });
    server.hear_of("WATCHDOG=1");
}

pub fn a_server_under_load_says_that_it_is_well() {
    let mut server = Managed::new(None).with("WATCHDOG_USEC", WATCHDOG);
    let (client, _) = opened(&mut server);
    let end = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..8 {
            let (client, end) = (&client, &end);
            scope.spawn(move || {
                while !end.load(std::sync::atomic::Ordering::Relaxed) {
                    let reply = client.post(&format!("kv/{writer}"), json!({ "v": "x" }));
                    assert_eq!(reply.status, 204);
                }
            });
        }
        for _ in 0..8 {
            server.hear_of("WATCHDOG=1");
        }
        end.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

pub fn a_line_for_the_journal_says_its_level() {
    let mut server = Managed::new(None).configured("log_format = \"json\"");
    fs::write(server.log_file(), "").unwrap();
    let log = fs::metadata(server.log_file()).unwrap();
    server = server.with("JOURNAL_STREAM", format!("{}:{}", log.dev(), log.ino()));
    server.start();
    server.hear_of("READY=1");
    let log = server.log();
    let line = log.lines().find(|line| line.contains("listening on")).unwrap();
    assert!(line.starts_with("<6>{"), "{line}");
    // A stream that the variable does not mean is none of the journal's.
    let mut server = Managed::new(None).with("JOURNAL_STREAM", "1:1");
    server.start();
    server.hear_of("READY=1");
    assert!(!server.log().contains("<6>"), "{}", server.log());
}
