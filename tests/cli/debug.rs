//! `debug`: what is in its bundle, and what is not.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::support::{Server, TempDir};
use super::{edgekeep, text};

/// Records until the first answers are there.
fn recorded(home: &TempDir, server: &Server, token: &str, more: &[&str]) -> Output {
    let address = format!("http://{}", server.address);
    let words = [&["debug", "-duration=10m"], more].concat();
    let mut child = edgekeep(home, &address, &words)
        .env("VAULT_TOKEN", token)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("==> Recording") {
        assert!(lines.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    std::io::Read::read_to_string(&mut lines, &mut said).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stdout = said.into_bytes();
    output
}

/// What lies in a bundle's folder, by the names of the files.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn json_in(file: PathBuf) -> Value {
    let text = fs::read_to_string(&file).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub fn a_bundle_holds_what_was_recorded_and_no_secret() {
    let (server, home) = (Server::dev(), TempDir::new());
    server.root().post("secret/data/a", json!({ "data": { "password": "s3cret-value" } }));
    let made = server.root().post("auth/token/create", json!({ "policies": ["root"] }));
    let token = made.json()["auth"]["client_token"].as_str().unwrap().to_owned();
    let done = recorded(&home, &server, &token, &["-output=seen", "-header=x-odd=h3ader-value"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).ends_with("\nSuccess! Bundle written to: seen.tar.gz\n"));
    assert_eq!(files(home.path()), ["seen.tar.gz"]);
    assert_eq!(mode(&home.path().join("seen.tar.gz")), 0o600);

    let mut unpack = Command::new("tar");
    unpack.args(["xzf", "seen.tar.gz"]).current_dir(home.path());
    assert!(unpack.status().unwrap().success());
    let folder = home.path().join("seen");
    let names = [
        "config.json",
        "host_info.json",
        "index.json",
        "metrics.json",
        "replication_status.json",
        "requests.json",
        "server_status.json",
        "vault.log",
    ];
    assert_eq!(files(&folder), names);
    for name in names {
        let content = fs::read_to_string(folder.join(name)).unwrap();
        for secret in ["s3cret-value", "h3ader-value", &token] {
            assert!(!content.contains(secret), "{name} holds {secret}");
        }
    }
    let index = json_in(folder.join("index.json"));
    assert_eq!((&index["errors"], &index["duration_seconds"]), (&json!([]), &json!(600)));
    assert_eq!(json_in(folder.join("server_status.json"))[0]["seal"]["sealed"], false);
    assert!(json_in(folder.join("host_info.json"))[0]["memory"].is_object());
    assert!(json_in(folder.join("metrics.json"))[0]["Gauges"].is_array());
}

pub fn what_the_token_may_not_ask_for_is_left_out() {
    let (server, home) = (Server::dev(), TempDir::new());
    let made = server.root().post("auth/token/create", json!({ "policies": ["default"] }));
    let token = made.json()["auth"]["client_token"].as_str().unwrap().to_owned();
    let more = ["-compress=false", "-output=seen", "-target=host", "-target=server-status"];
    let more = [&more[..], &["-target=pprof", "-target=log"]].concat();
    let done = recorded(&home, &server, &token, &more);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(text(&done.stderr), "2 questions were refused or failed: see its index.json\n");
    assert!(text(&done.stdout).starts_with("Ignoring invalid targets: pprof\n"));
    let folder = home.path().join("seen");
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(files(&folder), ["host_info.json", "index.json", "server_status.json"]);
    assert_eq!(json_in(folder.join("host_info.json")), json!([]));
    let errors = &json_in(folder.join("index.json"))["errors"];
    assert_eq!((&errors[0]["target"], &errors[1]["target"]), (&json!("log"), &json!("host")));

    let address = format!("http://{}", server.address);
    let again = edgekeep(&home, &address, &["debug", "-output=seen/"]).output().unwrap();
    let said = "Error during validation: output directory already exists: seen\n";
    assert_eq!((text(&again.stderr).as_str(), again.status.code()), (said, Some(1)));
}

pub fn a_recording_ends_by_itself() {
    let (server, home) = (Server::dev(), TempDir::new());
    let words = ["debug", "-duration=1s", "-target=server-status", "-output=seen", "-compress=0"];
    let done = edgekeep(&home, &format!("http://{}", server.address), &words).output().unwrap();
    let said = text(&done.stdout);
    assert!(said.starts_with("Overwriting duration value \"1s\" to \"5s\"\n"), "{said}");
    let seen = json_in(home.path().join("seen/server_status.json"));
    assert!(seen.as_array().unwrap().len() > 1, "{seen}");
}
