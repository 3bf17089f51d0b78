//! An import of many secrets that is ended in the middle, again and again.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::proxy::{Fault, Proxy};
use crate::support::http::Client;
use crate::support::{Server, data};
use crate::{import, run, said, whole, write};

const FOLDERS: usize = 20;
const EACH: usize = 100;
const PATIENCE: Duration = Duration::from_secs(120);

/// The secrets that are there.
fn names(client: &Client) -> Vec<String> {
    let listed = |path: &str| -> Vec<String> {
        let keys = data(&client.list(path))["keys"].take();
        keys.as_array()
            .into_iter()
            .flatten()
            .filter_map(|k| k.as_str().map(str::to_owned))
            .collect()
    };
    let folders = listed("secret/metadata");
    let inside = |folder: &String| {
        let names = listed(&format!("secret/metadata/{folder}"));
        names.into_iter().map(|name| format!("{folder}{name}")).collect::<Vec<_>>()
    };
    folders.iter().flat_map(inside).collect()
}

#[test]
fn an_import_that_is_killed_leaves_nothing_half_and_goes_on() {
    let (from, to) = (Server::dev(), Server::dev());
    let (there, here) = (from.root(), to.root());
    std::thread::scope(|threads| {
        for folder in 0..FOLDERS {
            let client = from.root();
            threads.spawn(move || {
                for n in 0..EACH {
                    let path = format!("f{folder:02}/s{n:02}");
                    (1..=n % 3 + 1).for_each(|v| write(&client, &path, json!({ "v": v, "n": n })));
                }
            });
        }
    });

    let (mut before, mut killed) = (0, 0);
    'ends: for _ in 0..3 {
        let mut child = import(&from.address, &to, &[]).stdout(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while names(&here).len() < before + 100 {
            if child.try_wait().unwrap().is_some() {
                break 'ends;
            }
            assert!(Instant::now() < deadline, "nothing comes");
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let came = names(&here);
        for path in came.iter().rev().take(20) {
            assert_eq!(whole(&here, path), whole(&there, path), "{path}");
        }
        before = came.len();
        killed += usize::from(before < FOLDERS * EACH);
    }
    assert!(killed > 0, "none was killed in the middle");

    let rest = run(&from.address, &to, &[]);
    rest.complete();
    let all = (FOLDERS * EACH) as u64;
    let passed_over = rest.count("secret", "unchanged");
    assert_eq!(passed_over + rest.count("secret", "came"), all, "{:#}", rest.report);
    assert!(passed_over >= before as u64, "what came is not fetched again: {:#}", rest.report);
    let known = |client: &Client| -> Vec<Value> {
        let all = names(client);
        all.iter().map(|name| data(&client.get(&format!("secret/metadata/{name}")))).collect()
    };
    assert_eq!(names(&here), names(&there));
    assert_eq!(known(&here), known(&there));
    let last = format!("f{:02}/s{:02}", FOLDERS - 1, EACH - 1);
    assert_eq!(whole(&here, &last), whole(&there, &last));
}

#[test]
fn an_import_that_is_interrupted_tells_what_came() {
    let (from, to) = (Server::dev(), Server::dev());
    for n in 0..5 {
        write(&from.root(), &format!("s{n}"), json!({}));
    }
    // It asks again and again for the third.
    let busy = Fault::new("/v1/secret/metadata/s3", "429 Too Many", r#"{"errors":[]}"#).times(60);
    let proxy = Proxy::before(&from, vec![busy]);
    let mut command = import(&proxy.address, &to, &["-format=json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let came = || data(&to.root().list("secret/metadata"))["keys"].as_array().map_or(0, Vec::len);
    while came() < 4 {
        assert!(Instant::now() < deadline, "nothing comes");
        std::thread::sleep(Duration::from_millis(20));
    }
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    let said = said(child.wait_with_output().unwrap());
    assert_eq!(said.exit, Some(1), "{}", said.errors);
    assert_eq!(said.report["stopped"], "interrupted");
    assert_eq!(said.count("secret", "came"), 4);
    assert!(said.errors.starts_with("Interrupted: what came until then.\n"), "{}", said.errors);
}
