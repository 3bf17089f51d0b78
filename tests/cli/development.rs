//! The server for development: what it says, and what it leaves alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::support::{Server, TempDir, free_address};
use super::{edgekeep, text};

/// What a development server says that does not come to serve.
fn refused(home: &TempDir, more: &[&str], variables: &[(&str, &str)]) -> String {
    let words = [&["server", "-dev"], more].concat();
    let mut command = edgekeep(home, "", &words);
    let done = command.env("TMPDIR", home.path()).envs(variables.iter().copied()).output().unwrap();
    assert!(!done.status.success());
    text(&done.stdout) + &text(&done.stderr)
}

pub fn a_wrong_address_is_told_by_who_gave_it() {
    let home = TempDir::new();
    let wrong = "\"127.0.0.1:99999\" is no address; write a host or IP address and a port, such as \
                 \"0.0.0.0:8200\" or \"[::]:8200\"\n";
    let flag = "-dev-listen-address=127.0.0.1:99999";
    assert_eq!(refused(&home, &[flag], &[]), format!("-dev-listen-address: {wrong}"));
    for name in ["VAULT_DEV_LISTEN_ADDRESS", "EDGEKEEP_DEV_LISTEN_ADDRESS"] {
        let variables = [(name, "127.0.0.1:99999")];
        assert_eq!(refused(&home, &[], &variables), format!("{name}: {wrong}"));
    }

    let running = Server::dev();
    let flag = format!("-dev-listen-address={}", running.address);
    assert_eq!(
        // musl says it in fewer words than glibc.
        refused(&home, &[&flag], &[]).replace("already in use", "in use"),
        format!(
            "-dev-listen-address: address \"{}\": Address in use (os error 98); stop what listens \
             there, or name another one\n",
            running.address
        )
    );
}

pub fn a_home_that_takes_no_token_is_told_alone() {
    let home = TempDir::new();
    let said = refused(&home, &["-dev-listen-address=127.0.0.1:0"], &[("HOME", "/dev/null")]);
    assert_eq!(
        said,
        "the token cannot be stored in /dev/null/.vault-token: Not a directory (os error 20); \
         -dev-no-store-token stores none\n"
    );
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "its folder was removed");
}

pub fn a_folder_in_use_is_left_alone() {
    let folder = TempDir::new();
    let data = format!("-dev-data={}", folder.path().display());
    let address = free_address();
    let listen = format!("-dev-listen-address={address}");
    let plain = ["server", "-dev", "-dev-no-store-token", &data, &listen];
    let server = Server::start(&plain, address);
    let before = files(folder.path());
    let home = TempDir::new();
    let said = refused(&home, &["-dev-tls", "-dev-listen-address=127.0.0.1:0", &data], &[]);
    assert!(said.contains("is in use by another edgekeep: stop that one first"), "{said}");
    assert_eq!(files(folder.path()), before);
    drop(server);

    let address = free_address();
    let listen = format!("-dev-listen-address={address}");
    let again = ["server", "-dev", "-dev-tls", "-dev-root-token-id=other", &data, &listen];
    let mut server = Server::spawn(&again, address);
    let told = "Its root token is that of the first start: none was set or stored by this one.";
    server.wait_for_output(told);
    assert!(!server.home.path().join(".vault-token").exists());
    assert!(folder.path().join("tls/vault-ca.pem").exists());
}

/// Every file below a folder but the store's own, with its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("data") {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}
