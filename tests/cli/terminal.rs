//! What a person sees: the program on a terminal.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::canned::{Canned, answer};
use super::edgekeep;
use super::support::{NOBODY, TempDir};

/// What a command prints on a terminal, both streams as they come.
fn shown(words: &[&str], variables: &[(&str, &str)]) -> String {
    shown_of(NOBODY, words, variables)
}

/// The same of a command that asks a server.
fn shown_of(address: &str, words: &[&str], variables: &[(&str, &str)]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let name = std::ffi::OsStr::from_bytes(name.as_bytes());
    let end = OpenOptions::new().read(true).write(true).open(name).unwrap();
    let home = TempDir::new();
    let mut child = edgekeep(&home, address, words)
        .envs(variables.iter().copied())
        .stdout(end.try_clone().unwrap())
        .stderr(end)
        .spawn()
        .unwrap();
    let mut shown = Vec::new();
    // Where nobody holds its other end, a terminal ends with an error.
    let _ = File::from(terminal).read_to_end(&mut shown);
    child.wait().unwrap();
    String::from_utf8_lossy(&shown).replace("\r\n", "\n")
}

pub fn errors_are_red_and_warnings_yellow() {
    let red = "\x1b[31mError reading x: no server at http://127.0.0.1:9: is it running? `systemctl \
               start edgekeep`, or `edgekeep server -config=FILE`, or to try it out `edgekeep \
               server -dev`\x1b[0m\n";
    assert_eq!(shown(&["read", "x"], &[]), red);
    let plain = red.replace("\x1b[31m", "").replace("\x1b[0m", "");
    for variable in [
        ("NO_COLOR", "1"),
        ("VAULT_CLI_NO_COLOR", "1"),
        ("EDGEKEEP_CLI_NO_COLOR", "true"),
        ("TERM", "dumb"),
        ("VAULT_FORMAT", "json"),
    ] {
        assert_eq!(shown(&["read", "x"], &[variable]), plain, "{variable:?}");
    }
    let strays = shown(&["read", "x", "-y"], &[]);
    assert!(strays.starts_with("\x1b[33mCommand flags must be provided"), "{strays}");
    assert!(shown(&["read", "-help"], &[]).starts_with("Usage: "));
}

pub fn what_is_waited_for_is_said_and_taken_back() {
    let waits = shown(&["lease", "revoke", "-sync", "x"], &[("NO_COLOR", "1")]);
    let said = "\rWaiting for the revocation...\x1b[K\r\x1b[KError revoking lease x: no server";
    assert!(waits.starts_with(said), "{waits:?}");
    assert!(shown(&["lease", "revoke", "x"], &[]).starts_with("\x1b[31mError revoking lease x"));
}

pub fn who_is_at_a_terminal_reads_no_roff() {
    let help = shown(&["man", "kv", "get"], &[("PATH", "/nowhere")]);
    assert!(help.starts_with("Usage: edgekeep kv get [options] KEY\n"), "{help}");
    let help = shown(&["man"], &[("PATH", "/nowhere")]);
    assert!(help.starts_with("Usage: edgekeep <command> [args]\n"), "{help}");
}

pub fn what_steers_a_terminal_is_not_sent_to_it() {
    let body = "{\"data\":{\"a\":\"\\u001b[2J\\u202e\\u009b1m\"}}";
    let server = Canned::start(|_| vec![answer("200 OK", "", body); 3]);
    let address = format!("http://{}", server.address);
    let read = |flag| shown_of(&address, &["read", flag, "x"], &[]);
    assert_eq!(read("-field=a"), "\\u{1b}[2J\\u{202e}\\u{9b}1m\n");
    assert!(read("-format=json").contains("\"a\": \"\\u001b[2J\\u{202e}\\u{9b}1m\"\n"));
    assert!(read("-format=yaml").ends_with('\n'));
}
