//! What the environment says of the way to the server, where it takes more than a server to see it.

use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::process::Output;
use std::time::{Duration, Instant};

use super::canned::{Canned, answer, serve};
use super::support::{NOBODY, Server, TempDir};
use super::{edgekeep, text};

const FOUND: &str = r#"{"data":{"a":"1"}}"#;

/// Reads `x` with these variables set.
fn read(server: &Canned, variables: &[(&str, &str)]) -> Output {
    let home = TempDir::new();
    let mut command = server.command(&home, &["read", "-field=a", "x"]);
    command.envs(variables.iter().copied()).output().unwrap()
}

pub fn a_redirect_may_be_left_alone() {
    let canned = || {
        Canned::start(|address| {
            let elsewhere = format!("Location: http://{address}/v1/there\r\n");
            vec![answer("307 Temporary Redirect", &elsewhere, ""), answer("200 OK", "", FOUND)]
        })
    };
    let server = canned();
    let left = read(&server, &[("EDGEKEEP_DISABLE_REDIRECTS", "true")]);
    assert!(text(&left.stderr).contains("Code: 307."), "{}", text(&left.stderr));
    assert_eq!((left.status.code(), server.requests().len()), (Some(2), 1));
    let server = canned();
    assert_eq!(text(&read(&server, &[]).stdout), "1");
}

pub fn an_answer_that_does_not_come_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let home = TempDir::new();
    let mut command = edgekeep(&home, &address, &["read", "x"]);
    let given_up = command.env("VAULT_CLIENT_TIMEOUT", "100ms").output().unwrap();
    let said = text(&given_up.stderr);
    assert!(
        said.contains("did not answer in time: is it overloaded? VAULT_CLIENT_TIMEOUT"),
        "{said}"
    );
}

pub fn requests_keep_to_a_pace() {
    let server = Server::dev();
    let home = TempDir::new();
    let address = format!("http://{}", server.address);
    let begun = Instant::now();
    let mut command = edgekeep(&home, &address, &["kv", "put", "-mount=secret", "x", "a=1"]);
    let done = command.env("VAULT_RATE_LIMIT", "4:1").output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    // It asks for the mount first, then writes.
    assert!(begun.elapsed() >= Duration::from_millis(250));
}

pub fn a_pace_that_lets_nothing_through_is_told() {
    let server = Server::dev();
    let home = TempDir::new();
    let address = format!("http://{}", server.address);
    let mut command = edgekeep(&home, &address, &["kv", "put", "-mount=secret", "x", "a=1"]);
    let told = command.env("VAULT_RATE_LIMIT", "0.0001:1").output().unwrap();
    let said = text(&told.stderr);
    assert!(said.contains("VAULT_RATE_LIMIT lets no request through for "), "{said}");
    assert_eq!(told.status.code(), Some(2));
}

pub fn headers_of_a_second_factor_are_sent() {
    let server = Canned::start(|_| vec![answer("200 OK", "", FOUND); 2]);
    read(&server, &[("VAULT_MFA", "method:123")]);
    let home = TempDir::new();
    let words = ["read", "-mfa=a:1", "-mfa=b:2", "-policy-override", "x"];
    let mut command = server.command(&home, &words);
    command.env("VAULT_MFA", "method:123").output().unwrap();
    let requests = server.requests();
    let sent = |request: &str, name: &str| -> Vec<String> {
        let lines = request.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned()).collect()
    };
    assert_eq!(sent(&requests[0], "x-vault-mfa"), ["method:123"]);
    assert_eq!(sent(&requests[1], "x-vault-mfa"), ["a:1", "b:2"]);
    assert_eq!(sent(&requests[1], "x-vault-policy-override"), ["true"]);
}

pub fn a_token_that_is_no_text_is_told() {
    let home = TempDir::new();
    let token = std::ffi::OsStr::from_bytes(b"hvs.\xff");
    let told = edgekeep(&home, NOBODY, &["read", "x"]).env("VAULT_TOKEN", token).output().unwrap();
    let said = "Error reading x: configured Vault token contains non-printable characters";
    assert!(text(&told.stderr).starts_with(said), "{}", text(&told.stderr));
    assert_eq!(told.status.code(), Some(2));
}

pub fn a_proxy_is_asked_for_a_tunnel() {
    for (variable, address) in [
        ("VAULT_HTTP_PROXY", NOBODY),
        ("EDGEKEEP_PROXY_ADDR", NOBODY),
        ("HTTP_PROXY", "http://vault.test:8200"),
        ("http_proxy", "http://vault.test:8200"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = format!("http://user:word@{}", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = String::new();
            serve(&mut stream, "HTTP/1.1 200 OK\r\n\r\n", |request| asked = request);
            serve(&mut stream, &answer("200 OK", "", FOUND), |_| {});
            asked
        });
        let home = TempDir::new();
        let mut command = edgekeep(&home, address, &["read", "-field=a", "x"]);
        let found = command.env(variable, proxy).output().unwrap();
        assert_eq!(text(&found.stdout), "1", "{variable}: {}", text(&found.stderr));
        let asked = served.join().unwrap();
        let host = address.trim_start_matches("http://");
        assert!(asked.starts_with(&format!("CONNECT {host} HTTP/1.1\r\n")), "{asked}");
        assert!(asked.contains("Proxy-Authorization: Basic dXNlcjp3b3Jk\r\n"), "{asked}");
    }
}

pub fn the_usual_proxy_is_not_for_this_machine() {
    let server = Canned::start(|_| vec![answer("200 OK", "", FOUND); 2]);
    assert_eq!(text(&read(&server, &[("HTTP_PROXY", NOBODY)]).stdout), "1");
    let excepted = [("HTTP_PROXY", NOBODY), ("NO_PROXY", "*")];
    assert_eq!(text(&read(&server, &excepted).stdout), "1");
}
