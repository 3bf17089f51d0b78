//! A stick that is not plugged in when it is wanted.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::support::harness::{is_failing, needs_root};
use super::support::http::Client;
use super::support::mount::Mount;
use super::support::volume::does;
use super::support::{Server, eventually, program};
use super::{Home, edgekeep, must_have, option, place, restore, shipped, shipping, target, write};

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

/// A client that waits for what its server does, ended when dropped; a test that fails tells what both
/// were at.
struct Asking {
    child: Child,
    told: PathBuf,
    root: Client,
}

impl Asking {
    fn told(&self) -> String {
        fs::read_to_string(&self.told).unwrap()
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if is_failing() {
            let ended = self.child.try_wait();
            eprintln!("the client ({ended:?}) told {:?}", fs::read_to_string(&self.told));
            let flights = self.root.ask("GET", "sys/in-flight-req", None).map(|reply| reply.body);
            let flights = flights.map(|body| String::from_utf8_lossy(&body).into_owned());
            eprintln!("the server is at {flights:?}");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn a_restore_waits_for_the_stick() {
    needs_root("to lend a stick");
    let stick = Mount::new("tmpfs", "none", "size=64m");
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
    // Of a test that had the same number, and was killed.
    let _ = fs::remove_file(&asked);

    let (exit, said) = restore(&[&config, "-wait=0"]);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("plug it in") && !said.contains("Waiting"), "{said}");
    // However long it took until it can be waited.
    let (exit, said) = restore(&[&config, "-target=stick", "-wait=1ns"]);
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
    let told = home.at("told");
    let mut command = Command::new(program());
    command.args(["snapshot", "restore", "-target=stick", "-at=latest"]);
    command.stderr(fs::File::create(&told).unwrap());
    command.env("VAULT_ADDR", format!("http://{}", server.address)).env("VAULT_MAX_RETRIES", "0");
    let child = command.env("VAULT_TOKEN", bare.token()).spawn().unwrap();
    let mut asking = Asking { child, told, root: bare.root(&server) };
    eventually("it waits", || {
        assert!(asking.child.try_wait().unwrap().is_none(), "it has ended");
        asking.told().contains("Waiting for")
    });
    let _plugged = Plugged::of(stick.root(), &volume);
    assert!(asking.child.wait().unwrap().success());
    drop(server);
    let _ = fs::remove_file(&asked);
}

/// A stick that is plugged in, and that a server has let go: root's unit mounts it while it is
/// asked for.
fn lends(stick: &Path, volume: &str, work: impl FnOnce()) {
    let (asked, visits) = (Path::new(ASKS).join(volume), AtomicU64::new(1));
    let number = Path::new(MOUNTS).join(format!(".{volume}"));
    fs::create_dir_all(ASKS).unwrap();
    fs::create_dir_all(MOUNTS).unwrap();
    fs::write(&asked, "done 1\n").unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let unit = scope.spawn(|| {
            let mut plugged = None;
            while !over.load(Ordering::Relaxed) {
                let said = fs::read_to_string(&asked).unwrap_or_default();
                let done = format!("done {}\n", visits.load(Ordering::Relaxed));
                if plugged.is_none() && said == "want\n" {
                    let visit = visits.fetch_add(1, Ordering::Relaxed) + 1;
                    fs::write(&number, visit.to_string()).unwrap();
                    plugged = Some(Plugged::of(stick, volume));
                } else if said == done {
                    plugged = None;
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let outcome = catch_unwind(AssertUnwindSafe(work));
        over.store(true, Ordering::Relaxed);
        unit.join().unwrap();
        let _ = (fs::remove_file(&asked), fs::remove_file(&number));
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    });
}

/// Whether it is let go.
fn is_let_go(volume: &str) -> bool {
    let said = fs::read_to_string(Path::new(ASKS).join(volume)).unwrap_or_default();
    said.starts_with("done") && !Path::new(MOUNTS).join(volume).exists()
}

pub fn a_stick_that_was_let_go_is_asked_for_before_anything_else_is_taken() {
    needs_root("to lend a stick");
    let stick = Mount::new("tmpfs", "none", "size=64m");
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

pub fn a_stick_that_is_left_in_is_no_trouble() {
    needs_root("to lend a stick");
    let stick = Mount::new("tmpfs", "none", "size=64m");
    fs::create_dir(stick.root().join("edgekeep")).unwrap();
    let (home, volume) = (Home::new(), format!("LEFT{}", std::process::id()));
    let place = format!("type = \"usb\"\n  usb_volume = \"{volume}\"");
    lends(stick.root(), &volume, || {
        let (store, server) = shipping(&home.at("data"), &target("stick", &place, ""));
        let root = store.root(&server);
        for round in 0..2 {
            write(&store, &server, &round.to_string());
            shipped(&root, "stick");
            eventually("it can be pulled", || is_let_go(&volume));
        }
        write(&store, &server, "last");
        shipped(&root, "stick");
        let stands = root.get("sys/snapshots/targets/stick").json();
        assert_eq!(stands["data"]["errors"], 0, "{stands}");
        assert!(!server.output().contains("plug it in"), "{}", server.output());
        // And one that is stopped just after a commit has it mounted once more.
        eventually("it can be pulled", || is_let_go(&volume));
        write(&store, &server, "stopped");
        let pid = Pid::from_raw(server.id().cast_signed()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let (success, said) = server.wait();
        assert!(success && !said.contains("plug it in"), "{said}");
        let bare = store.moved(&home.at("bare")).having("");
        let from = option("target", &stick.root().join("edgekeep"));
        let (exit, said) = restore(&[&from, &option("into", &home.at("bare"))]);
        assert_eq!(exit, 0, "{said}");
        must_have(&bare, &bare.start(), "stopped");
    });
}
