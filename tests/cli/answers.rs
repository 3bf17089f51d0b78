//! What a server may answer, and what the command line makes of it.

use std::fs;
use std::os::unix::net::UnixListener;

use super::canned::{Canned, answer, serve};
use super::support::TempDir;
use super::{edgekeep, text};

#[test]
fn one_redirect_is_followed_and_the_token_goes_along() {
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

#[test]
fn a_server_that_says_not_now_is_asked_again() {
    let server = Canned::start(|_| {
        let not_now = answer("502 Bad Gateway", "", "");
        vec![not_now, answer("200 OK", "", r#"{"data":{"a":"1"}}"#)]
    });
    let home = TempDir::new();
    let mut command = server.command(&home, &["read", "-field=a", "x"]);
    let found = command.env("VAULT_MAX_RETRIES", "1").output().unwrap();
    assert_eq!(text(&found.stdout), "1");
}

#[test]
fn a_field_in_a_pipe_ends_without_a_newline() {
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

#[test]
fn a_snapshot_that_breaks_off_leaves_no_file() {
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

#[test]
fn a_snapshot_goes_to_the_server_as_it_is() {
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

#[test]
fn a_move_is_waited_for() {
    let say = |data: &str| answer("200 OK", "", &format!("{{\"data\":{data}}}"));
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

#[test]
fn a_unix_socket_is_spoken_to() {
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
