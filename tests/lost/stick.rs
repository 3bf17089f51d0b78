//! A stick that is not plugged in when it is wanted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::peers::skipped;
use super::support::mount::Mount;
use super::support::volume::does;
use super::support::{Server, eventually, program};
use super::{Home, must_have, option, restore, shipped, target, write};

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
