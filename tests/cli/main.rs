//! The command line, as people and scripts meet it: the built program, its output, its exit codes.
//!
//! Most of that is data: `cases.rs` tells how it is written. What no such case can hold is in the
//! files beside it.

mod answers;
mod canned;
mod cases;
mod debug;
mod development;
mod diagnose;
mod environment;
mod every;
mod files;
mod foreign;
mod helper;
mod interrupted;
mod login;
mod pages;
mod secured;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod terminal;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{ROOT, TempDir, program, skipped};

/// A command of the built program in a folder that is its home.
fn edgekeep(home: &TempDir, address: &str, words: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut command = Command::new(program());
    command
        .args(words)
        .env_clear()
        .env("HOME", home.path())
        .env("VAULT_ADDR", address)
        .env("VAULT_TOKEN", ROOT)
        .env("VAULT_MAX_RETRIES", "0")
        .current_dir(home.path())
        .stdin(Stdio::null());
    command
}

/// The user to whom nothing belongs.
const NO_USER: u32 = 65534;

/// A command as that user runs it; where nobody else can run the program, `None`.
fn of_nobody(mut command: Command) -> Option<Command> {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut folders = Path::new(program()).ancestors().skip(1);
    if !is_root || !folders.all(|at| fs::metadata(at).is_ok_and(|meta| meta.mode() & 1 != 0)) {
        skipped("another user", "nobody else can run the program here");
        return None;
    }
    command.uid(NO_USER);
    Some(command)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
