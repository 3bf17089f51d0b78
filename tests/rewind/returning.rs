//! What was revoked comes back with a store of before: what is told of it, and that it can be
//! revoked with the restore.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::served;
use crate::support::http::{Client, Reply};
use crate::support::store::Store;
use crate::support::world::World;
use crate::support::{ROOT, Server, TempDir, data, eventually, program};

const FILE: &str = "sys/storage/raft/snapshot";
const TARGET: &str = "sys/snapshots/targets/disk";

fn new_token(root: &Client) -> String {
    let made = root.post("auth/token/create", json!({ "ttl": "100h" })).json();
    made["auth"]["client_token"].as_str().unwrap().to_owned()
}

fn revoke(root: &Client, token: &str) -> u16 {
    root.post("auth/token/revoke", json!({ "token": token })).status
}

fn is_alive(world: &World, token: &str) -> bool {
    world.client().token(token).get("auth/token/lookup-self").status == 200
}

#[test]
fn a_file_brings_tokens_back_says_so_and_may_revoke_them() {
    let world = World::new(81);
    let root = world.root();
    let token = new_token(&root);
    let file = root.get(FILE).body;
    let nothing = data(&root.upload(FILE, &file).unwrap());
    assert_eq!((&nothing["returning_tokens"], &nothing["sealed"]), (&json!(0), &json!(false)));

    assert_eq!(revoke(&root, &token), 204);
    let back = data(&root.upload(FILE, &file).unwrap());
    assert_eq!((&back["returning_tokens"], &back["returning_leases"]), (&json!(1), &json!(1)));
    assert_eq!(back["revoked_tokens"], Value::Null);
    assert!(is_alive(&world, &token), "as it was told");

    assert_eq!(revoke(&root, &token), 204);
    let misspelt =
        ["revoke_token=true", "revoke_tokens=yes,please", "revoke_tokens=", "revoke_tokens"];
    for misspelt in misspelt {
        let refused = root.upload(&format!("{FILE}?{misspelt}"), &file).unwrap();
        assert_eq!(refused.status, 400, "{misspelt}: {}", refused.json());
    }
    assert!(!is_alive(&world, &token));
    let back = data(&root.upload(&format!("{FILE}?revoke_tokens=true"), &file).unwrap());
    assert_eq!((&back["returning_tokens"], &back["revoked_tokens"]), (&json!(1), &json!(1)));
    assert!(!is_alive(&world, &token));

    // A store of other keys brings its own tokens, and nobody here can tell which.
    let other = World::new(82).root().get(FILE).body;
    let refused = root.upload(&format!("{FILE}-force?revoke_tokens=true"), &other).unwrap();
    assert_eq!(refused.status, 400, "{}", refused.json());
    assert!(refused.json().to_string().contains("nobody here can tell"), "{}", refused.json());
    let forced = data(&root.upload(&format!("{FILE}-force"), &other).unwrap());
    assert_eq!((&forced["returning_tokens"], &forced["sealed"]), (&Value::Null, &json!(true)));
}

#[test]
fn what_is_revoked_with_much_that_goes_with_it_takes_steps() {
    let folder = TempDir::new();
    let world = served::world(86, &folder);
    let root = world.root();
    let tokens: Vec<String> = (0..4).map(|_| new_token(&root)).collect();
    for token in &tokens {
        let kept =
            world.client().token(token).post("cubbyhole/a", json!({ "v": "x".repeat(1 << 20) }));
        assert_eq!(kept.status, 204);
    }
    let file = root.get(FILE).body;
    assert!(tokens.iter().all(|token| revoke(&root, token) == 204));
    let back = data(&root.upload(&format!("{FILE}?revoke_tokens=true"), &file).unwrap());
    assert_eq!(back["revoked_tokens"], 4, "{back}");
    assert!(tokens.iter().all(|token| !is_alive(&world, token)));
    let commits = data(&root.get(&format!("{TARGET}/log")))["commits"].clone();
    let revokes = |commit: &&Value| {
        let mut changes = commit["changes"].as_array().unwrap().iter();
        commit["timeline"] == back["new_timeline"]
            && changes.any(|change| change["path"].as_str().unwrap().contains("token/id"))
    };
    let steps = commits.as_array().unwrap().iter().filter(revokes).count();
    assert_eq!(steps, 4, "{commits}");
}

#[test]
fn what_ended_with_its_mount_comes_back_although_it_is_not_tidied_away_yet() {
    let world = World::new(84);
    let root = world.root();
    assert_eq!(root.post("sys/auth/userpass", json!({ "type": "userpass" })).status, 204);
    let login = |kind: &str| {
        let login = json!({ "password": "a long one" });
        let login = world.client().post(&format!("auth/userpass/login/{kind}"), login).json();
        login["auth"]["client_token"].as_str().unwrap().to_owned()
    };
    // Those of one kind are stored nowhere.
    let tokens = ["service", "batch"].map(|kind| {
        let user = json!({ "password": "a long one", "token_type": kind });
        assert_eq!(root.post(&format!("auth/userpass/users/{kind}"), user).status, 204);
        login(kind)
    });
    let file = root.get(FILE).body;
    let alive = || tokens.iter().filter(|token| is_alive(&world, token)).count();
    assert_eq!(root.delete("sys/auth/userpass").status, 200);
    assert_eq!(alive(), 0);
    let back = data(&root.upload(FILE, &file).unwrap());
    assert_eq!((&back["returning_tokens"], alive()), (&json!(1), 2));
    assert_eq!(root.delete("sys/auth/userpass").status, 200);
    let back = data(&root.upload(&format!("{FILE}?revoke_tokens=true"), &file).unwrap());
    assert_eq!((&back["returning_tokens"], &back["revoked_tokens"]), (&json!(1), &json!(1)));
    assert_eq!(alive(), 0);
    assert!(["service", "batch"].iter().all(|kind| is_alive(&world, &login(kind))));
    // What lives now goes on.
    let token = login("batch");
    let file = root.get(FILE).body;
    root.upload(&format!("{FILE}?revoke_tokens=true"), &file).unwrap();
    assert!(is_alive(&world, &token));
}

/// Whether a snapshot is being received, which the server keeps in a file without a name.
fn receives(world: &World) -> bool {
    fs::read_dir("/proc/self/fd").unwrap().flatten().any(|open| {
        let file = fs::read_link(open.path()).unwrap_or_default();
        file.starts_with(world.data()) && file.to_string_lossy().ends_with("(deleted)")
    })
}

#[test]
fn a_server_that_is_sealed_while_a_file_is_on_its_way_takes_it_no_more() {
    let world = World::new(85);
    let root = world.root();
    let token = new_token(&root);
    let file = root.get(FILE).body;
    assert_eq!(revoke(&root, &token), 204);
    let unseal = || root.post("sys/unseal", json!({ "key": world.unseal_key() })).status;
    for (path, opened_again, why) in [
        ("snapshot?revoke_tokens=true", false, "Vault is sealed"),
        ("snapshot-force", false, "Vault is sealed"),
        ("snapshot?revoke_tokens=true", true, "sealed or replaced meanwhile"),
    ] {
        eventually("nothing is on its way", || !receives(&world));
        let mut sent = TcpStream::connect(root.address()).unwrap();
        let head = format!(
            "POST /v1/sys/storage/raft/{path} HTTP/1.1\r\nHost: it\r\nX-Vault-Token: {ROOT}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            file.len()
        );
        let (begin, end) = file.split_at(file.len() / 2);
        sent.write_all(head.as_bytes()).and_then(|()| sent.write_all(begin)).unwrap();
        eventually("it is let in", || receives(&world));
        assert_eq!(root.post("sys/seal", json!({})).status, 204);
        if opened_again {
            assert_eq!(unseal(), 200);
        }
        sent.write_all(end).unwrap();
        let mut answer = Vec::new();
        sent.read_to_end(&mut answer).unwrap();
        let refused = Reply::parse(&answer).unwrap();
        assert_eq!(refused.status, 503, "{path}: {}", refused.json());
        assert!(refused.json().to_string().contains(why), "{path}: {}", refused.json());
        assert_eq!(unseal(), 200);
        assert!(!is_alive(&world, &token), "{path}");
    }
}

#[test]
fn what_is_revoked_while_a_restore_is_on_its_way_stays_revoked() {
    let folder = TempDir::new();
    let settings = "  type = \"file\"\n  interval = \"24h\"\n";
    let path = folder.path().display();
    let block = format!("snapshot \"disk\" {{\n  path_prefix = \"{path}\"\n{settings}}}");
    let world = World::configured(83, &block);
    let root = world.root();
    // Without a journal all of this is kept in a file before it is replaced, which takes a while.
    let large = "x".repeat(1 << 20);
    for n in 0..12 {
        assert_eq!(root.post(&format!("secret/{n}"), json!({ "v": large })).status, 204);
    }
    let tokens: Vec<String> = (0..400).map(|_| new_token(&root)).collect();
    let attempts = data(&root.post(&format!("{TARGET}/take"), json!({})))["attempts"].clone();
    eventually("it is on the target", || {
        let status = data(&root.get(TARGET));
        status["attempts"].as_u64() >= attempts.as_u64() && status["state"] == "good"
    });
    let revision = data(&root.get(TARGET))["last_good"]["revision"].clone();

    let asked = json!({ "revision": revision, "revoke_tokens": true });
    let (told, revoked) = thread::scope(|scope| {
        let restored = scope.spawn(|| world.root().post(&format!("{TARGET}/restore"), asked));
        let mut revoked = Vec::new();
        for token in &tokens {
            if restored.is_finished() {
                break;
            }
            if revoke(&root, token) == 204 {
                revoked.push(token);
            }
        }
        (data(&restored.join().unwrap()), revoked)
    });
    assert!(!revoked.is_empty(), "{told}");
    let alive = revoked.iter().filter(|token| is_alive(&world, token)).count();
    assert_eq!(alive, 0, "of {} that were revoked meanwhile: {told}", revoked.len());
}

/// How many of some of these tokens live.
fn alive(server: &Server, tokens: &[String]) -> usize {
    let is_alive =
        |token: &&String| server.client().token(token).get("auth/token/lookup-self").status == 200;
    tokens.iter().step_by(20).filter(is_alive).count()
}

/// Does it with each, some at once.
fn by_many<T: Sync, U: Send>(all: &[T], job: impl Fn(&T) -> U + Sync) -> Vec<U> {
    thread::scope(|scope| {
        let parts = all.chunks(all.len().div_ceil(8));
        let parts: Vec<_> =
            parts.map(|part| scope.spawn(|| part.iter().map(&job).collect::<Vec<_>>())).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}

#[test]
fn who_goes_along_the_new_history_finds_them_revoked_wherever_he_stops() {
    let (disk, home) = (TempDir::new(), TempDir::new());
    let place = disk.path().display();
    let block = format!(
        "snapshot \"disk\" {{\n  type = \"file\"\n  path_prefix = \"{place}\"\n\
         interval = \"24h\"\n  keep_daily = 9\n  journal = true\n}}"
    );
    let (store, server) = Store::configured(&home.path().join("first"), &block);
    let root = store.root(&server);
    // More than are revoked by one commit, and one that outlives them.
    let mut tokens = by_many(&[(); 2_100], |()| new_token(&root));
    let last = tokens.pop().unwrap();
    let shipped = || {
        eventually("all of it is on the target", || {
            let status = data(&root.get(TARGET));
            status["state"] == "good" && status["journal"]["behind"] == 0
        });
    };
    shipped();
    let commits = data(&root.get(&format!("{TARGET}/log")))["commits"].clone();
    let then = commits.as_array().unwrap().last().unwrap()["revision"].as_u64().unwrap();
    assert!(by_many(&tokens, |token| revoke(&root, token) == 204).iter().all(|done| *done));
    let asked = json!({ "revision": then, "revoke_tokens": true });
    let done = data(&root.post(&format!("{TARGET}/restore"), asked));
    assert_eq!(done["revoked_tokens"], tokens.len(), "{done}");
    let timeline = done["new_timeline"].as_str().unwrap();
    eventually("the new history has begun there", || {
        data(&root.get(TARGET))["last_good"]["timeline"] == timeline
    });
    shipped();
    for revision in then + 1..=then + 3 {
        let folder = home.path().join(revision.to_string());
        let restored = Command::new(program())
            .args(["snapshot", "restore", &format!("-target={place}")])
            .args([&format!("-into={}", folder.display()), &format!("-revision={revision}")])
            .arg(format!("-timeline={timeline}"))
            .output()
            .unwrap();
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
        let there = store.moved(&folder).having("");
        let server = there.start();
        assert_eq!(alive(&server, &tokens), 0, "at revision {revision}");
        there.verify(&server);
    }

    // And so does who goes back to where it was not done yet, and revokes others with it.
    let asked = json!({ "revision": then, "timeline": done["present_timeline"] });
    let done = data(&root.post(&format!("{TARGET}/restore"), asked));
    assert!(alive(&server, &tokens) > 0, "as it was told: {done}");
    assert_eq!(revoke(&root, &last), 204);
    let asked = json!({ "revision": then + 1, "timeline": timeline, "revoke_tokens": true });
    let done = data(&root.post(&format!("{TARGET}/restore"), asked));
    assert_eq!(done["revoked_tokens"], 1, "{done}");
    assert_eq!(alive(&server, &[last]) + alive(&server, &tokens), 0);
}
