//! What a login leaves behind, whatever comes of it.

use std::fs;

use super::canned::{Canned, answer};
use super::support::{Server, TempDir};
use super::{edgekeep, text};

/// The names in a home.
fn names(home: &TempDir) -> Vec<std::ffi::OsString> {
    fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

pub fn a_login_without_a_token_is_none() {
    for auth in [r#"{"policies":["default"]}"#, r#"{"client_token":""}"#] {
        let foreign = answer("200 OK", "", &format!("{{\"auth\":{auth}}}"));
        let server = Canned::start(|_| vec![foreign.clone(), foreign]);
        let home = TempDir::new();
        fs::write(home.path().join(".vault-token"), "the one before").unwrap();
        let words = ["login", "-method=userpass", "username=ann", "password=p"];
        for words in [&words[..], &[&["login", "-no-store"], &words[1..]].concat()] {
            let done = server.command(&home, words).env("VAULT_TOKEN", "").output().unwrap();
            let said = "Error extracting token: no client_token in the response\n";
            assert_eq!((text(&done.stdout), text(&done.stderr)), (String::new(), said.into()));
            assert_eq!(done.status.code(), Some(2));
        }
        let kept = fs::read_to_string(home.path().join(".vault-token")).unwrap();
        assert_eq!(kept, "the one before");
    }
}

pub fn logins_at_once_do_not_disturb_each_other() {
    let (server, home) = (Server::dev(), TempDir::new());
    let address = format!("http://{}", server.address);
    let login = || {
        let mut login = edgekeep(&home, &address, &["login", "-no-print", "root"]);
        login.env("VAULT_TOKEN", "").stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let logins: Vec<_> = (0..8).map(|_| login()).collect();
    for login in logins {
        let done = login.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    assert_eq!(names(&home), [".vault-token"]);
    assert_eq!(fs::read_to_string(home.path().join(".vault-token")).unwrap(), "root");
}
