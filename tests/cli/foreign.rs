//! What listens at the address, answers with 200 and is no server of this API.

use super::canned::{Canned, answer};
use super::every::{Example, command, examples};
use super::support::TempDir;
use super::text;

/// They hold nothing of what is asked for.
const BODIES: [&str; 3] = ["{}", r#"{"data":{}}"#, r#"{"ok":true}"#];

/// Commands that such an answer is a result for, and why.
const EXCEPT: &[(&str, &str)] = &[
    ("read", "prints whatever a path holds"),
    ("write", "prints whatever came of it"),
    ("patch", "prints whatever came of it"),
    ("delete", "prints whatever came of it"),
    ("recover", "prints whatever came of it"),
    ("monitor", "prints a stream as it comes"),
    ("debug", "packs whatever it is told, and says what of that failed"),
];

pub fn an_answer_that_is_no_object_is_told() {
    for command in ["secrets list", "auth list -detailed", "audit list", "read x", "kv list x"] {
        let server = Canned::start(|_| (0..3).map(|_| answer("200 OK", "", "[1,2]")).collect());
        let home = TempDir::new();
        let words: Vec<&str> = command.split(' ').collect();
        let told = server.run(&home, &words);
        let said = text(&told.stderr);
        assert!(said.contains("JSON that is no object"), "{command}: {said}");
        assert_eq!(told.status.code(), Some(2), "{command}");
    }
}

pub fn an_answer_that_says_nothing_of_what_was_asked_is_no_result() {
    for command in [
        "operator init",
        "operator init -format=json",
        "operator init -status",
        "operator seal",
        "operator unseal abcd",
        "operator rekey -init",
        "operator rekey -status",
        "operator generate-root -init",
        "operator generate-root -status",
        "operator step-down",
        "operator raft list-peers -format=json",
        "status",
        "secrets list -format=json",
        "audit list -detailed",
        "policy list -format=json",
        "path-help secret",
        "unwrap abcd",
        "kv put secret/a b=1",
        "kv get secret/a",
        "token create",
        "token create -format=json",
        "token lookup",
    ] {
        for body in BODIES {
            let server = Canned::start(|_| vec![answer("200 OK", "", body); 3]);
            let words: Vec<&str> = command.split(' ').collect();
            let told = server.run(&TempDir::new(), &words);
            let said = text(&told.stderr);
            let wanted = "is not understood: is that a server with Vault's API?\n";
            assert!(said.ends_with(wanted), "{command} of {body}: {said}");
            assert_eq!(text(&told.stdout), "", "{command} of {body}");
            let exit = if command == "status" { 1 } else { 2 };
            assert_eq!(told.status.code(), Some(exit), "{command} of {body}");
        }
    }
}

pub fn no_command_takes_it_for_a_result() {
    let mut faults = Vec::new();
    for Example { help, rest, .. } in examples().iter().filter(|one| one.help.asks_a_server()) {
        let name = help.words.join(" ");
        if EXCEPT.iter().any(|(command, _)| *command == name) {
            continue;
        }
        for body in BODIES {
            let server = Canned::start(|_| vec![answer("200 OK", "", body); 9]);
            let home = TempDir::new();
            let address = format!("http://{}", server.address);
            let told = command(&home, &address, &[&help.words, rest]).output().unwrap();
            let (out, err) = (text(&told.stdout), text(&told.stderr));
            if told.status.success() || !out.is_empty() || err.is_empty() {
                faults.push(format!("{name} of {body}: {out}{err}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
