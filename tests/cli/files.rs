//! Files that a command writes anew: the old one is there until the new one is whole. And what
//! wants a file, for it is no text.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Output};

use super::canned::{Canned, answer};
use super::support::{NOBODY, TempDir, program};
use super::{NO_USER, edgekeep, of_nobody, text};

const CROOKED: &str = "path \"a\" {\ncapabilities=[\"read\"]\n}\n";
const STRAIGHT: &str = "path \"a\" {\n  capabilities = [\"read\"]\n}\n";

fn run(home: &TempDir, words: &[&str]) -> Output {
    edgekeep(home, NOBODY, words).output().unwrap()
}

/// The same where no byte more can be written to any file.
fn run_full(home: &TempDir, words: &[&str]) -> Output {
    let line = format!("ulimit -f 0; exec {} \"$@\"", program());
    let mut command = Command::new("sh");
    command.args(["-c", &line, "sh"]).args(words);
    command.current_dir(home.path()).env_clear().env("HOME", home.path()).output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub fn a_policy_keeps_its_mode_and_the_links_to_it() {
    let home = TempDir::new();
    let at = |name: &str| home.path().join(name);
    fs::create_dir(at("there")).unwrap();
    fs::write(at("there/a.hcl"), CROOKED).unwrap();
    fs::set_permissions(at("there/a.hcl"), Permissions::from_mode(0o640)).unwrap();
    symlink("there/a.hcl", at("link.hcl")).unwrap();
    let told = run(&home, &["policy", "fmt", "link.hcl"]);
    assert_eq!(text(&told.stdout), "Success! Formatted policy: link.hcl\n");
    assert_eq!(fs::read_link(at("link.hcl")).unwrap(), Path::new("there/a.hcl"));
    assert_eq!(fs::read_to_string(at("there/a.hcl")).unwrap(), STRAIGHT);
    assert_eq!(fs::metadata(at("there/a.hcl")).unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(names(&at("there")), ["a.hcl"]);
}

pub fn where_nothing_can_be_written_the_old_file_stays() {
    let home = TempDir::new();
    let kept = |name: &str, before: &str, words: &[&str], said: &str| {
        fs::write(home.path().join(name), before).unwrap();
        let told = run_full(&home, words);
        assert!(text(&told.stderr).contains(said), "{words:?}: {}", text(&told.stderr));
        assert!(!told.status.success(), "{words:?}");
        assert_eq!(fs::read_to_string(home.path().join(name)).unwrap(), before);
        assert_eq!(names(home.path()), [name]);
        fs::remove_file(home.path().join(name)).unwrap();
    };
    const FULL: &str = ".vault-token: File too large";
    let unwritten = "Error writing result: open a.hcl: file too large";
    kept("a.hcl", CROOKED, &["policy", "fmt", "a.hcl"], unwritten);
    kept(".vault-token", "before", &["login", "lookup=false", "token=new"], FULL);
    kept(".bashrc", "alias l=ls\n", &["-autocomplete-install"], ".bashrc: File too large");
    let line = "command -v edgekeep >/dev/null && source <(edgekeep completion bash)\n";
    kept(".bashrc", &format!("l\n{line}"), &["-autocomplete-uninstall"], ".bashrc: File too large");
}

pub fn who_may_not_write_a_file_puts_none_in_its_place() {
    let home = TempDir::new();
    fs::set_permissions(home.path(), Permissions::from_mode(0o777)).unwrap();
    let file = home.path().join("a.hcl");
    for (owner, mode, said) in [
        (0, 0o644, "Error writing result: open a.hcl: permission denied"),
        (0, 0o666, "Error writing result: open a.hcl: only its owner, or root, can put"),
        (NO_USER, 0o444, "Error writing result: open a.hcl: permission denied"),
        (NO_USER, 0o600, ""),
    ] {
        let command = edgekeep(&home, NOBODY, &["policy", "fmt", "a.hcl"]);
        let mut command = of_nobody(command);
        fs::write(&file, CROOKED).unwrap();
        chown(&file, Some(owner), None).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let told = command.output().unwrap();
        assert!(text(&told.stderr).starts_with(said), "{owner} {mode:o}: {}", text(&told.stderr));
        let (exit, content) = if said.is_empty() { (0, STRAIGHT) } else { (1, CROOKED) };
        assert_eq!(told.status.code(), Some(exit), "{owner} {mode:o}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
        let meta = fs::metadata(&file).unwrap();
        assert_eq!((meta.uid(), meta.mode() & 0o777), (owner, mode));
        assert_eq!(names(home.path()), ["a.hcl"]);
    }
}

pub fn an_argument_that_is_no_text_is_refused() {
    let server = Canned::start(|_| vec![answer("204 No Content", "", "")]);
    let home = TempDir::new();
    let mut command = server.command(&home, &["write", "cubbyhole/x"]);
    let told = command.arg(OsStr::from_bytes(b"a=p\xffq")).output().unwrap();
    let wanted = "argument 3 is no UTF-8 text: give the value from a file\n";
    assert_eq!((text(&told.stderr).as_str(), text(&told.stdout).as_str()), (wanted, ""));
    assert_eq!((told.status.code(), server.requests().len()), (Some(1), 0));
}
