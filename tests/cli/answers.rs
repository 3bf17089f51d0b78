//! What a server may answer, and what the command line makes of it.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::canned::{Canned, answer, serve};
use super::support::TempDir;
use super::{edgekeep, text};

pub fn one_redirect_is_followed_and_the_token_goes_along() {
    let server = Canned::start(|address| {
        let elsewhere = format!("Location: http://{address}/v1/there\r\n");
        let redirect = answer("307 Temporary Redirect", &elsewhere, "");
        vec![
            redirect.clone(),
            answer("200 OK", "", r#"{"data":{"a":"1"}}"#),
            answer("307 Temporary Redirect", "Location: /v1/there\r\n", ""),
            redirect,
        ]
    });
    let home = TempDir::new();
    let found = server.run(&home, &["read", "-field=a", "here"]);
    assert_eq!((text(&found.stdout), found.status.code()), ("1".into(), Some(0)));
    let lost = server.run(&home, &["read", "-field=a", "here"]);
    assert_eq!(lost.status.code(), Some(2), "{}", text(&lost.stderr));
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    for at in [1, 3] {
        assert!(requests[at].starts_with("GET /v1/there HTTP/1.1\r\n"), "{}", requests[at]);
    }
    assert!(requests[1].to_lowercase().contains("x-vault-token: root\r\n"), "{}", requests[1]);
}

pub fn a_redirect_is_followed_once_and_to_no_user() {
    let server = Canned::start(|address| {
        let to =
            |place: &str| answer("307 Temporary Redirect", &format!("Location: {place}\r\n"), "");
        let here = format!("http://{address}/v1/there");
        let user = format!("http://ann:secret@{address}/v1/there");
        vec![to(&here), to(&here), to(&user), to("http://127.0.0.1:9/v1/sys/health")]
    });
    let home = TempDir::new();
    let said = |words: &[&str]| {
        let told = server.run(&home, words);
        assert_eq!(told.status.code(), Some(2), "{}", text(&told.stdout));
        text(&told.stderr)
    };
    let twice = said(&["snapshot", "save", "x.snap"]);
    assert!(twice.contains("/v1/there: one redirect is followed"), "{twice}");
    assert!(!home.path().join("x.snap").exists());
    let to_user = said(&["read", "x"]);
    assert!(to_user.contains("a user in its name: refused"), "{to_user}");
    assert!(!to_user.contains("secret"), "{to_user}");
    // Who is imported from sends nobody elsewhere, with the token in hand.
    fs::write(home.path().join("token"), "t").unwrap();
    let from = format!("-from-address=http://{}", server.address());
    let away = said(&["import", &from, "-from-token-file=token"]);
    assert!(away.contains("redirects to another, http://127.0.0.1:9/v1/sys/health"), "{away}");
}

pub fn a_success_that_is_none_is_no_success() {
    let errors = r#"{"request_id":"1","errors":["no"]}"#;
    let page = r#"{"hello":"there"}"#;
    let server = Canned::start(|_| {
        let answers = [errors, page, page, r#"{"data":5}"#, r#"{"data":["a"]}"#];
        answers.map(|body| answer("200 OK", "", body)).to_vec()
    });
    let home = TempDir::new();
    fs::write(home.path().join("p.hcl"), "path \"a\" {}").unwrap();
    for words in [
        &["policy", "write", "p", "p.hcl"][..],
        &["policy", "write", "p", "p.hcl"],
        &["secrets", "enable", "kv"],
        &["read", "x"],
        &["read", "x"],
    ] {
        let told = server.run(&home, words);
        assert_eq!((text(&told.stdout), told.status.code()), (String::new(), Some(2)), "{words:?}");
        assert!(text(&told.stderr).contains("Vault's API"), "{words:?}: {}", text(&told.stderr));
    }
}

pub fn what_is_too_large_is_said_to_be() {
    let body = r#"{"errors":["error parsing JSON"]}"#;
    let server = Canned::start(|_| vec![answer("413 Request Entity Too Large", "", body)]);
    let told = server.run(&TempDir::new(), &["write", "x", "a=1"]);
    assert_eq!(told.status.code(), Some(2));
    let said = text(&told.stderr);
    assert!(said.contains("* the request is larger than the server takes: 32 MiB"), "{said}");
}

pub fn a_download_that_does_not_move_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let home = TempDir::new();
    let mut save = edgekeep(&home, &address, &["snapshot", "save", "x.snap"]);
    let save = save.env("VAULT_CLIENT_TIMEOUT", "2s").stderr(Stdio::piped()).spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    // Four seconds in all, but each part in time.
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").unwrap();
    for _ in 0..4 {
        std::thread::sleep(Duration::from_secs(1));
        stream.write_all(b"0123456789").unwrap();
    }
    let told = save.wait_with_output().unwrap();
    assert_eq!(told.status.code(), Some(2));
    let said = text(&told.stderr);
    assert!(said.contains("time"), "{said}");
    assert!(!home.path().join("x.snap").exists());
}

pub fn a_server_that_says_not_now_is_asked_again() {
    let server = Canned::start(|_| {
        let not_now = answer("502 Bad Gateway", "", "");
        vec![not_now, answer("200 OK", "", r#"{"data":{"a":"1"}}"#)]
    });
    let home = TempDir::new();
    let mut command = server.command(&home, &["read", "-field=a", "x"]);
    let found = command.env("VAULT_MAX_RETRIES", "1").output().unwrap();
    assert_eq!(text(&found.stdout), "1");
}

pub fn a_field_in_a_pipe_ends_without_a_newline() {
    let found = r#"{"data":{"a":{"b":"1"}}}"#;
    let server = Canned::start(|_| vec![answer("200 OK", "", found); 3]);
    let home = TempDir::new();
    for (format, printed) in
        [("table", "map[b:1]"), ("json", "{\n  \"b\": \"1\"\n}"), ("yaml", "b: \"1\"\n")]
    {
        let format = format!("-format={format}");
        let said = server.run(&home, &["read", &format, "-field=a", "x"]);
        assert_eq!(text(&said.stdout), printed, "{format}: {}", text(&said.stderr));
    }
}

pub fn a_snapshot_that_breaks_off_leaves_no_file() {
    let server = Canned::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
        vec![format!("{head}only this")]
    });
    let home = TempDir::new();
    fs::write(home.path().join("x.snap"), "the one before").unwrap();
    let broken = server.run(&home, &["snapshot", "save", "x.snap"]);
    assert_eq!(broken.status.code(), Some(2), "{}", text(&broken.stdout));
    let names: Vec<_> =
        fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["x.snap"]);
    assert_eq!(fs::read_to_string(home.path().join("x.snap")).unwrap(), "the one before");
}

pub fn a_snapshot_goes_to_the_server_as_it_is() {
    let done = answer("204 No Content", "", "");
    let unsealed = answer("200 OK", "", r#"{"sealed":false}"#);
    let server = Canned::start(|_| vec![done.clone(), done.clone(), unsealed.clone()]);
    let home = TempDir::new();
    let snapshot = "0123456789".repeat(10_000);
    fs::write(home.path().join("x.snap"), &snapshot).unwrap();
    for (force, path) in [(None, "snapshot"), (Some("-force"), "snapshot-force")] {
        let words = ["operator", "raft", "snapshot", "restore"];
        let words: Vec<&str> = words.into_iter().chain(force).chain(["x.snap"]).collect();
        let restored = server.run(&home, &words);
        assert_eq!(text(&restored.stdout), "Success! Restored the snapshot\n");
        let requests = server.requests();
        let request = requests.iter().rfind(|request| request.starts_with("POST ")).unwrap();
        assert!(request.starts_with(&format!("POST /v1/sys/storage/raft/{path} HTTP/1.1\r\n")));
        assert!(request.to_lowercase().contains("content-length: 100000\r\n"));
        assert!(request.ends_with(&format!("\r\n\r\n{snapshot}")));
    }
}

pub fn a_restored_store_is_sealed_where_the_server_says_so() {
    let home = TempDir::new();
    fs::write(home.path().join("x.snap"), "0123456789").unwrap();
    let done = answer("200 OK", "", r#"{"request_id":"r","data":{"sealed":true}}"#);
    let server = Canned::start(|_| vec![done.clone(), done]);
    let restored = server.run(&home, &["snapshot", "restore", "x.snap"]);
    let said = text(&restored.stdout);
    assert!(said.contains("and is sealed.\nUnseal it with"), "{said}");
    let restored = server.run(&home, &["snapshot", "restore", "-format=json", "x.snap"]);
    let told: Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert_eq!((&told["restored"], &told["sealed"]), (&json!(true), &json!(true)), "{told}");
}

pub fn a_target_is_named_that_a_server_may_wait_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let home = TempDir::new();
    let mut log = edgekeep(&home, &address, &["snapshot", "log", "-target=box"]);
    let told = log.env("VAULT_CLIENT_TIMEOUT", "1s").output().unwrap();
    assert_eq!(told.status.code(), Some(2));
    let said = text(&told.stderr);
    for part in ["did not answer in time", "the target box", "edgekeep snapshot status box"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("overloaded"), "{said}");
}

pub fn what_is_wanted_of_a_target_that_is_set_anew_is_not_waited_for() {
    let say =
        |data: &str| answer("200 OK", "", &format!("{{\"request_id\":\"r\",\"data\":{data}}}"));
    let status = |attempts: u64, verifications: u64, errors: u64| {
        say(&format!(
            "{{\"state\":\"ahead\",\"attempts\":{attempts},\"verifications\":{verifications},\
             \"errors\":{errors}}}"
        ))
    };
    let begun = say("{\"attempts\":6,\"verifications\":3}");
    let (before, anew) = (status(5, 2, 4), status(0, 0, 0));
    for (what, answers) in [
        ("take", vec![begun.clone(), before.clone(), anew.clone()]),
        ("verify", vec![begun.clone(), before.clone(), anew.clone()]),
        ("adopt", vec![before.clone(), begun, anew]),
    ] {
        let server = Canned::start(|_| answers);
        let asked = server.run(&TempDir::new(), &["snapshot", what, "box"]);
        let told = text(&asked.stderr);
        assert!(
            told.contains(" was set anew meanwhile, or the server started: ask again"),
            "{told}"
        );
        assert_eq!(asked.status.code(), Some(2), "{what}");
    }
}

pub fn a_move_is_waited_for() {
    let say =
        |data: &str| answer("200 OK", "", &format!("{{\"request_id\":\"r\",\"data\":{data}}}"));
    let status = |word: &str| say(&format!("{{\"migration_info\":{{\"status\":{word:?}}}}}"));
    let started = say("{\"migration_id\":\"m-1\"}");
    for (last, exit, stdout, stderr) in [
        ("success", 0, "Success! Finished moving {}\n", ""),
        ("failure", 2, "", "Failure! Error encountered moving {}\n"),
    ] {
        let answers = vec![started.clone(), status("in-progress"), status(last)];
        let server = Canned::start(|_| answers);
        let moved = server.run(&TempDir::new(), &["secrets", "move", "a", "/b/"]);
        let what = "secrets engine a/ to b/, with migration ID m-1";
        let begun =
            format!("Started moving {what}\nWaiting for terminal status in migration of {what}\n");
        assert_eq!(text(&moved.stdout), begun + &stdout.replace("{}", what));
        assert_eq!(text(&moved.stderr), stderr.replace("{}", what));
        assert_eq!(moved.status.code(), Some(exit));
        let asked = server.requests();
        assert!(asked[0].ends_with(r#"{"from":"a/","to":"b/"}"#), "{asked:?}");
        assert!(asked[2].starts_with("GET /v1/sys/remount/status/m-1 "), "{asked:?}");
    }
}

pub fn a_unix_socket_is_spoken_to() {
    let home = TempDir::new();
    let socket = home.path().join("edgekeep.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        serve(stream, &answer("200 OK", "", r#"{"data":{"a":"1"}}"#), |seen| request = seen);
        request
    });
    let address = format!("unix://{}", socket.display());
    let found = edgekeep(&home, &address, &["read", "-field=a", "x"]).output().unwrap();
    assert_eq!(text(&found.stdout), "1", "{}", text(&found.stderr));
    assert!(served.join().unwrap().starts_with("GET /v1/x HTTP/1.1\r\n"));
}

pub fn what_is_kept_before_a_change_is_told() {
    let home = TempDir::new();
    let kept = r#"{"request_id":"1","data":null,"warnings":["the journal is marked"]}"#;
    let status = r#"{"request_id":"2","data":{"term":2,"install_time":"2026-11-22T09:59:59Z",
        "encryptions":0}}"#;
    let rekey = r#"{"started":true,"nonce":"n","t":1,"n":1,"progress":0,"required":1}"#;
    let rekeyed = r#"{"nonce":"n","complete":true,"keys":["a"],"keys_base64":["YQ=="],
        "warnings":["the journal is marked"]}"#;
    let commands: [(&[&str], &[&str]); 4] = [
        (&["operator", "rotate"], &[kept, status]),
        (&["secrets", "disable", "gone"], &[kept]),
        (&["auth", "disable", "gone"], &[kept]),
        (&["operator", "rekey", "-nonce=n", "key"], &[rekey, rekeyed]),
    ];
    for (words, bodies) in commands {
        let answers = bodies.iter().map(|body| answer("200 OK", "", body)).collect();
        let told = Canned::start(|_| answers).run(&home, words);
        let stderr = text(&told.stderr);
        assert!(told.status.success(), "{words:?}: {stderr}");
        assert!(stderr.contains("  * the journal is marked"), "{words:?}: {stderr}");
    }
}
