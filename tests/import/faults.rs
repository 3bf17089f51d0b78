//! A server to import from that refuses, fails and lies.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::proxy::{Fault, Proxy};
use crate::support::{Server, data};
use crate::{post, run, whole, write};

const DENIED: &str = r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#;
const FULL: &str = r#"{"errors":["too much is asked at once"]}"#;

#[test]
fn what_cannot_be_read_is_absent_and_the_rest_comes() {
    let (from, to) = (Server::dev(), Server::dev());
    let (there, here) = (from.root(), to.root());
    let broken = [
        "denied",
        "failing",
        "garbage",
        "lying",
        "cut",
        "value/denied",
        "value/garbage",
        "value/of-another",
        "value/gone",
        "a page",
    ];
    for path in ["good", "locked/a", "locked/b"].iter().chain(&broken) {
        let path = path.replace(' ', "%20");
        write(&there, &path, json!({ "v": 1 }));
        write(&there, &path, json!({ "v": 2 }));
    }
    post(&there, "sys/policies/acl/app", json!({ "policy": "path \"a\" {}" }));
    post(&there, "sys/mounts/one", json!({ "type": "kv" }));
    post(&there, "one/a", json!({ "v": 1 }));
    let data = "/v1/secret/data/value";
    let another = json!({ "data": {
        "data": { "v": "of another" },
        "metadata": { "created_time": "2020-01-01T00:00:00Z", "deletion_time": "",
            "destroyed": false, "version": 1 },
    } });
    let other = |name: &'static str| -> String { format!("{data}/{name}") };
    assert_eq!(other("gone"), "/v1/secret/data/value/gone");
    let faults = vec![
        Fault::new("/v1/secret/metadata/locked", "403 Forbidden", DENIED),
        Fault::new("/v1/secret/metadata/denied", "403 Forbidden", DENIED),
        Fault::new("/v1/secret/metadata/failing", "500 Oops", r#"{"errors":["internal error"]}"#),
        Fault::new("/v1/secret/metadata/garbage", "200 OK", "<html>no JSON</html>"),
        Fault::new("/v1/secret/metadata/lying", "200 OK", r#"{"data":{"created_time":5}}"#),
        Fault::new("/v1/secret/metadata/a%20page", "404 Not Found", "<html>a page</html>"),
        Fault::raw("/v1/secret/metadata/cut", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        Fault::new("/v1/secret/data/value/denied?version=2", "403 Forbidden", DENIED),
        Fault::new("/v1/secret/data/value/garbage?version=2", "200 OK", "[1,2"),
        Fault::new("/v1/secret/data/value/of-another", "200 OK", &another.to_string()),
        Fault::new("/v1/secret/data/value/gone?version=2", "404 Gone", r#"{"errors":[]}"#),
        Fault::new("/v1/one?", "200 OK", r#"{"data":{"keys":["a","../sys/mounts/evil"]}}"#),
        Fault::new("/v1/sys/policies/acl?", "200 OK", r#"{"data":{"keys":"all"}}"#),
        // Whoever asks too often is to ask again.
        Fault::new("/v1/sys/policies/password", "429 Slow", r#"{"errors":[]}"#).times(1),
        Fault::new("/v1/sys/policies/password", "503 Full", FULL).times(1),
        Fault::new("/v1/sys/mounts", "503 Busy", "<html>busy</html>").times(1),
        Fault::new("/v1/sys/audit", "403 Forbidden", DENIED),
        Fault::new("/v1/identity/group/id", "403 Forbidden", DENIED),
        Fault::new("/v1/sys/quotas/rate-limit", "404 Not Found", r#"{"errors":[]}"#),
    ];
    let proxy = Proxy::before(&from, faults);
    let failed = run(&proxy.address, &to, &[]);
    assert_eq!(failed.exit, Some(2), "{:#}", failed.report);
    for path in &broken {
        failed.why("failed", &format!("secret/{path}"));
        assert_eq!(whole(&here, &path.replace(' ', "%20")), Value::Null, "{path}");
    }
    let denied = "there: GET secret/metadata/locked?list=true: 403 permission denied";
    assert_eq!(failed.why("failed", "secret/locked/"), denied);
    assert!(failed.why("failed", "one/").contains("a name that is none"));
    failed.why("failed", "sys/policies/acl");
    for (path, what) in [("sys/audit", "audit devices"), ("identity/group/id", "groups")] {
        let why = failed.why("left out", path);
        assert!(why.starts_with(what) && why.contains("may not be listed there"), "{why}");
    }
    assert!(!failed.report.to_string().contains("rate limits"), "{:#}", failed.report);
    assert_eq!(failed.count("secret", "came"), 2);
    assert_eq!(failed.count("secret", "failed"), broken.len() as u64);
    assert!(failed.errors.contains("Run the same command again"), "{}", failed.errors);
    assert_eq!(whole(&here, "good"), whole(&there, "good"));
    assert_eq!(here.get("one/a").status, 200);

    run(&from.address, &to, &[]).complete();
    for path in &broken {
        let path = path.replace(' ', "%20");
        assert_eq!(whole(&here, &path), whole(&there, &path), "{path}");
    }
}

#[test]
fn all_requests_of_an_import_keep_to_one_pace() {
    const SECRETS: u32 = 40;
    let (from, to) = (Server::dev(), Server::dev());
    for n in 0..SECRETS {
        write(&from.root(), &format!("s{n}"), json!({}));
    }
    let begun = Instant::now();
    let mut import = crate::import(&from.address, &to, &["-format=json"]);
    let done = import.env("EDGEKEEP_FROM_RATE_LIMIT", "40:1").output().unwrap();
    crate::said(done).complete();
    // Of each secret the metadata and a version are read.
    let least = Duration::from_millis(25) * 2 * SECRETS;
    assert!(begun.elapsed() >= least, "{:?}", begun.elapsed());
}

#[test]
fn a_server_that_is_not_ready_is_told_of_with_what_helps() {
    let (ready, new) = (Server::dev(), Server::uninitialised());
    let told = |from: &Server, to: &Server| {
        let done = crate::import(&from.address, to, &[]).output().unwrap();
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    let here = "Error importing: here: the server is not initialised: `edgekeep operator init`\n";
    assert_eq!(told(&ready, &new), here);
    assert!(told(&new, &ready).contains("there: the server is not initialised: is it the one"));
    let sealed = Server::dev();
    sealed.root().post("sys/seal", json!({}));
    let here = "Error importing: here: the server is sealed: `edgekeep operator unseal`\n";
    assert_eq!(told(&ready, &sealed), here);
    assert!(told(&sealed, &ready).contains("there: the server is sealed: unseal it first"));
}

#[test]
fn a_server_that_is_sealed_or_gone_ends_the_import_at_once() {
    let (mut from, to) = (Server::dev(), Server::dev());
    for n in 0..5 {
        write(&from.root(), &format!("s{n}"), json!({}));
    }
    let sealed = r#"{"errors":["Vault is sealed"]}"#;
    let fault = Fault::new("/v1/secret/metadata/s3", "503 Sealed", sealed);
    let proxy = Proxy::before(&from, vec![fault]);
    let stopped = run(&proxy.address, &to, &[]);
    assert_eq!(stopped.exit, Some(2));
    let why = "there: GET secret/metadata/s3: 503 Vault is sealed";
    assert_eq!(stopped.report["stopped"], why);
    assert!(stopped.errors.starts_with(&format!("Stopped: {why}\n")), "{}", stopped.errors);
    drop(proxy);
    let address = from.address.clone();
    run(&address, &to, &[]).complete();
    from.kill();
    let gone = crate::import(&address, &to, &[]).output().unwrap();
    assert_eq!(gone.status.code(), Some(2));
    let error = String::from_utf8_lossy(&gone.stderr);
    assert!(error.contains("there: no server at"), "{error}");
    assert_eq!(data(&to.root().list("secret/metadata"))["keys"].as_array().unwrap().len(), 5);
}
