//! What listens at the address, answers with 200 and is no server of this API.

use super::canned::{Canned, answer};
use super::support::TempDir;
use super::text;

#[test]
fn an_answer_that_is_no_object_is_told() {
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

#[test]
fn an_answer_that_says_nothing_of_what_was_asked_is_no_result() {
    for command in [
        "operator init",
        "operator init -format=json",
        "operator init -status",
        "operator seal",
        "operator unseal abcd",
        "operator key-status",
        "operator rotate",
        "operator members",
        "operator rekey -init",
        "operator rekey -status",
        "operator generate-root -init",
        "operator generate-root -status",
        "status",
        "kv put secret/a b=1",
        "kv get secret/a",
        "token create",
        "token create -format=json",
        "token renew",
        "token lookup",
        "lease lookup a/b",
        "lease renew a/b",
    ] {
        for body in ["{}", r#"{"data":{}}"#, r#"{"ok":true}"#] {
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
