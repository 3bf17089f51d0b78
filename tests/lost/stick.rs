//! A stick that is not plugged in when it is wanted.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::peers::skipped;
use super::support::mount::Mount;
use super::support::volume::does;
use super::support::{Server, eventually, program};
use super::{Home, edgekeep, must_have, option, place, restore, shipped, target, write};

/// Where root's unit mounts sticks, and where the server asks for them.
const MOUNTS: &str = "/run/edgekeep-usb";
const ASKS: &str = "/run/edgekeep/usb";

/// A mount that is undone.
struct Plugged(PathBuf);

impl Plugged {
    /// Plugs `stick` in, as root's unit does.
    fn of(stick: &Path, volume: &str) -> Self {
        let place = Path::new(MOUNTS).join(volume);
        fs::create_dir_all(&place).unwrap();
        does(Command::new("mount").arg("--bind").arg(stick).arg(&place)).unwrap();
        Self(place)
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_restore_waits_for_the_stick() {
    if !geteuid().is_root() {
        return skipped("a stick that is waited for", "only root lends sticks");
    }
    let Some(stick) = Mount::new("tmpfs", "none", "size=64m") else {
        return skipped("a stick that is waited for", "a tmpfs may not be mounted");
    };
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    write(&store, &server, "first");
    shipped(&store.root(&server), "disk");
    server.kill();
    does(Command::new("cp").arg("-r").arg(home.at("disk")).arg(stick.root().join("edgekeep")))
        .unwrap();
    let volume = format!("TEST{}", std::process::id());
    let place = format!("type = \"usb\"\n  usb_volume = \"{volume}\"");
    let bare = store.moved(&home.at("bare")).having(&target("stick", &place, ""));
    let (config, asked) = (option("config", &bare.config()), Path::new(ASKS).join(&volume));

    let (exit, said) = restore(&[&config, "-wait=0"]);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("plug it in") && !said.contains("Waiting"), "{said}");
    let (exit, said) = restore(&[&config, "-target=stick", "-wait=1s"]);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("Waiting for stick: "), "{said}");

    let begin = |words: &[&str]| {
        let mut server = Server::spawn(words, bare.address());
        server.wait_for_output("Waiting for stick: the stick");
        assert_eq!(fs::read_to_string(&asked).unwrap(), "want\n");
        server
    };
    // Who has waited enough leaves nothing behind.
    let waiting = begin(&["restore", &config]);
    let pid = Pid::from_raw(waiting.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let (success, said) = waiting.wait();
    assert!(!success && said.contains("nothing was changed"), "{said}");
    assert!(!asked.exists() && !home.at("bare").exists());

    let into = option("into", &home.at("other"));
    let words = ["snapshot", "restore", "-target=stick", &config, &into, "-at=latest"];
    let waiting = [begin(&["restore", &config]), begin(&words)];
    let plugged = Plugged::of(stick.root(), &volume);
    for waiting in waiting {
        let (success, said) = waiting.wait();
        assert!(success, "{said}");
    }
    eventually("nobody asks for it", || !asked.exists());
    must_have(&bare, &bare.start(), "first");
    drop(plugged);

    // A server that runs is asked until it has it.
    let server = bare.start();
    write(&bare, &server, "wrong");
    let known = || bare.root(&server).get("sys/snapshots/targets/stick").status == 200;
    eventually("it knows the target", known);
    let told = fs::File::create(home.at("told")).unwrap();
    let mut command = Command::new(program());
    command.args(["snapshot", "restore", "-target=stick", "-at=latest"]).stderr(told);
    command.env("VAULT_ADDR", format!("http://{}", server.address)).env("VAULT_MAX_RETRIES", "0");
    let mut waiting = command.env("VAULT_TOKEN", bare.token()).spawn().unwrap();
    eventually("it waits", || {
        let told = fs::read_to_string(home.at("told")).unwrap();
        assert!(waiting.try_wait().unwrap().is_none(), "{told}");
        told.contains("Waiting for")
    });
    let _plugged = Plugged::of(stick.root(), &volume);
    assert!(waiting.wait().unwrap().success(), "{:?}", fs::read_to_string(home.at("told")));
}

/// A stick that is plugged in, and that a server has let go: root's unit mounts it when it is
/// asked for.
fn lends(stick: &Path, volume: &str, work: impl FnOnce()) {
    let asked = Path::new(ASKS).join(volume);
    fs::create_dir_all(ASKS).unwrap();
    fs::write(&asked, "done 1\n").unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let unit = scope.spawn(|| {
            let mut plugged = None;
            while !over.load(Ordering::Relaxed) {
                if plugged.is_none() && fs::read(&asked).is_ok_and(|said| said == b"want\n") {
                    plugged = Some(Plugged::of(stick, volume));
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let outcome = catch_unwind(AssertUnwindSafe(work));
        over.store(true, Ordering::Relaxed);
        unit.join().unwrap();
        let _ = fs::remove_file(&asked);
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    });
}

#[test]
fn a_stick_that_was_let_go_is_asked_for_before_anything_else_is_taken() {
    if !geteuid().is_root() {
        return skipped("a stick that is let go", "only root lends sticks");
    }
    let Some(stick) = Mount::new("tmpfs", "none", "size=64m") else {
        return skipped("a stick that is let go", "a tmpfs may not be mounted");
    };
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    write(&store, &server, "first");
    shipped(&store.root(&server), "disk");
    server.kill();
    let copy = |from: &Path, to: &Path| {
        does(Command::new("cp").arg("-r").arg(from).arg(to)).unwrap();
    };
    copy(&home.at("disk"), &home.at("old"));
    let mut server = store.start();
    write(&store, &server, "second");
    shipped(&store.root(&server), "disk");
    server.kill();
    copy(&home.at("disk"), &stick.root().join("edgekeep"));
    let volume = format!("LENT{}", std::process::id());
    let lent = target("stick", &format!("type = \"usb\"\n  usb_volume = \"{volume}\""), "");
    let bare = store.moved(&home.at("bare")).having(&lent);
    let (config, key) = (option("config", &bare.config()), store.unseal_key());
    lends(stick.root(), &volume, || {
        let words = ["snapshot", "read", &config, "-field=a", "stick@latest", "secret/0", &key];
        let (exit, said) = edgekeep(&words);
        assert!(exit == 0 && said.contains("second-0"), "{said}");
    });
    lends(stick.root(), &volume, || {
        let words = ["snapshot", "diff", &config, "stick@latest", "stick@latest", &key];
        let (exit, said) = edgekeep(&words);
        assert!(exit == 0 && said.contains("Nothing was added"), "{said}");
    });
    let (exit, said) =
        edgekeep(&["snapshot", "read", &config, "-wait=0", "stick@latest", "a", &key]);
    assert!(exit == 2 && said.contains("plug it in"), "{said}");

    // Another target has something, which is older.
    let both = format!("{lent}{}", target("old", &place(&home.at("old")), ""));
    let bare = bare.having(&both);
    let config = option("config", &bare.config());
    let (exit, said) = restore(&[&config, "-dry-run"]);
    assert!(exit == 0 && said.contains("From old"), "{said}");
    let told = "Not looked at, and may have something newer: stick: ";
    assert!(said.lines().last().unwrap().starts_with(told), "{said}");
    lends(stick.root(), &volume, || {
        let (exit, said) = restore(&[&config]);
        assert!(exit == 0 && said.contains("From stick") && !said.contains(told), "{said}");
    });
    must_have(&bare, &bare.start(), "second");
}
