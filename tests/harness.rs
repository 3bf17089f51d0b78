//! What cannot be tried counts as ignored, which is told, and as nothing else.

mod support;

use std::process::Command;

use support::harness::{attempt, needs, needs_package, tests};
use support::{Server, TempDir};

tests! {
    self {
        what_is_not_there_is_ignored_and_told,
        what_can_be_installed_must_be_there_where_all_is,
        what_is_no_test_goes_on_without,
        beside_a_server,
        of_a_thread_of_its_own,
    }
}

/// A shell, for want of which these tests are skipped when others run them without a path.
fn shell() {
    let run = Command::new("sh").args(["-c", ":"]).output();
    needs_package("a shell", run.ok(), "dash");
}

fn beside_a_server() {
    let server = Server::dev();
    shell();
    assert_eq!(server.client().get("sys/health").status, 200);
}

fn of_a_thread_of_its_own() {
    let made = std::thread::scope(|scope| {
        scope.spawn(|| 3);
        shell();
        4
    });
    assert_eq!(made, 4);
}

/// Runs the two tests that need a shell where there is none: how that ends, and what is said.
fn without_a_shell(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut these = Command::new(std::env::current_exe().unwrap());
    these.args(["--skip", "what_"]).env("PATH", "/nowhere").env_remove("EDGEKEEP_TESTS");
    let output = these.envs(variables.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout) + &text(output.stderr))
}

fn what_is_not_there_is_ignored_and_told() {
    let (code, said) = without_a_shell(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(" 0 passed; 0 failed; 2 ignored;"), "{said}");
    assert!(!said.contains("the server at"), "{said}");
    // As CI tells it at its end.
    let folder = TempDir::new();
    let log = folder.path().join("log");
    let more =
        "test a ... ok\ntest b ... ignored\ntest result: ok. 1 passed; 0 failed; 1 ignored; \n";
    std::fs::write(&log, said + more).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/skipped");
    let told = Command::new(script).arg(&log).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let wanted = "a shell: dash is not installed (2 tests)\nno reason is told (tests: 1)\n";
    assert_eq!(told, wanted);
}

fn what_can_be_installed_must_be_there_where_all_is() {
    let (code, said) = without_a_shell(&[("EDGEKEEP_TESTS", "all")]);
    assert_eq!(code, Some(101), "{said}");
    assert!(said.contains(" 0 passed; 2 failed; 0 ignored;"), "{said}");
    assert!(said.contains("EDGEKEEP_TESTS says that all is there"), "{said}");
}

fn what_is_no_test_goes_on_without() {
    assert_eq!(attempt(|| needs("this", Ok::<_, &str>(3))), Ok(3));
    assert_eq!(
        attempt(|| needs("that", Err::<(), _>("is not here"))).unwrap_err(),
        "that: is not here"
    );
}
