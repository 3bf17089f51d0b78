//! A stick, and the script by which root lends it.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use edgekeep::snapshot::target::usb::{Places, Usb};
use edgekeep::snapshot::target::{Target, TargetError, contract, usb};
use rustix::process::{Pid, Signal};

use super::folder::{Midway, got, listed, name, put};
use super::support::harness::needs;
use super::support::volume::{LABEL, Volume, does};
use super::support::{TempDir, eventually};

/// Who the server is, to root.
const USER: u32 = 12_345;

/// A machine with a place for a stick: its `/run`, its LED, its console.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: TempDir::new() };
        for folder in ["run/edgekeep", "mounts", "leds/ACT", "bin"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        fs::write(machine.led(), "none timer [mmc0] default-on\n").unwrap();
        machine
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn led(&self) -> PathBuf {
        self.path("leds/ACT/trigger")
    }

    fn shows(&self, what: &str) -> bool {
        fs::read_to_string(self.led()).is_ok_and(|shown| shown.trim() == what)
    }

    fn usb(&self, volume: &str) -> Usb {
        let places = Places { mounts: self.path("mounts"), asks: self.path("run/edgekeep/usb") };
        Usb::new(usb::Volume::parse(volume).unwrap(), places)
    }

    /// The user of the server has the folder in which the server asks.
    fn is_of_the_server(&self) {
        std::os::unix::fs::chown(self.path("run/edgekeep/usb"), Some(USER), Some(USER)).unwrap();
    }

    /// Plugs a stick in: as udev would, by the device that it gets.
    fn plug<'a>(&'a self, volume: &'a Volume) -> Plugged<'a> {
        let device = self.path("sda1");
        symlink(volume.device(), &device).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/edgekeep-usb");
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let programs = std::env::var("PATH").unwrap();
        let child = Command::new(script)
            .arg(&device)
            .env("PATH", format!("{}:{programs}", self.path("bin").display()))
            .env("EDGEKEEP_ASKS", self.path("run/edgekeep/usb"))
            .env("EDGEKEEP_MOUNTS", self.path("mounts"))
            .env("EDGEKEEP_LEDS", self.path("leds"))
            .env("EDGEKEEP_CONSOLE", self.path("console"))
            .env("EDGEKEEP_PAUSE", "0.05")
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn()
            .unwrap();
        Plugged { machine: self, device, child }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn logged(&self, what: &str) -> usize {
        self.log().matches(what).count()
    }
}

/// A stick that is plugged in; pulled when dropped.
struct Plugged<'a> {
    machine: &'a Machine,
    device: PathBuf,
    child: Child,
}

impl Drop for Plugged<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.device);
        let pid = Pid::from_child(&self.child);
        // As systemd ends a unit whose device is gone.
        let _ = rustix::process::kill_process(pid, Signal::TERM);
        let _ = self.child.wait();
        let place = self.machine.path("mounts").join(LABEL);
        let _ = Command::new("umount").arg("-l").arg(place).output();
    }
}

/// A stick, not mounted, where the kernel knows its kind.
fn stick(kind: &'static str, volume: Volume) -> Volume {
    let known = fs::read_to_string("/proc/filesystems").unwrap();
    let is_known = known.split_ascii_whitespace().any(|known| known == kind);
    let what = format!("a stick with {kind}");
    needs(&what, is_known.then_some(()).ok_or("this kernel mounts none"));
    volume.unmount();
    volume
}

pub fn who_ask_for_it_at_the_same_time_are_all_told_to_plug_it_in() {
    let machine = Machine::new();
    let asking: Vec<_> = (0..64).map(|_| machine.usb(LABEL)).collect();
    std::thread::scope(|scope| {
        for usb in &asking {
            scope.spawn(|| {
                let said = usb.list("").unwrap_err().to_string();
                assert!(said.ends_with("plug it in"), "{said}");
            });
        }
    });
    let asked = machine.path("run/edgekeep/usb").join(LABEL);
    assert_eq!(fs::read_to_string(&asked).unwrap(), "want\n");
}

pub fn a_stick_is_lent_while_it_is_wanted_and_can_then_be_pulled(kind: &'static str) {
    let volume = stick(kind, Volume::mounted(kind, 64 << 20));
    let machine = Machine::new();
    let usb = machine.usb(LABEL);
    assert_eq!(usb.visit(), None);
    machine.is_of_the_server();
    let plugged = machine.plug(&volume);
    eventually("it blinks", || machine.shows("timer"));
    let first = usb.visit().unwrap();
    let ours = machine.path("mounts").join(LABEL).join("edgekeep");
    let owner = fs::metadata(&ours).map(|meta| (meta.uid(), meta.gid(), meta.mode() & 0o777));
    assert_eq!(owner.unwrap(), (USER, USER, 0o700));
    contract::run(&usb).unwrap();
    put(&usb, "kept/1", b"1").unwrap();
    assert_eq!(usb.url(&name("kept/1")), "usb://EDGEKEEP/edgekeep/kept/1");

    usb.rest(&first).unwrap();
    eventually("it can be pulled", || machine.logged("can be pulled") == 1);
    assert!(usb.visit().is_none() && machine.shows("default-on"));
    assert_eq!(fs::read(machine.path("console")).unwrap(), b"\x07");

    // Something is owed again while it is still in.
    eventually("it is lent again", || listed_or_away(&usb).is_some());
    assert_eq!(listed_or_away(&usb).unwrap(), ["kept/1"]);
    let second = usb.visit().unwrap();
    assert_ne!(second, first);
    eventually("it blinks again", || machine.shows("timer"));
    drop(plugged);
    assert!(machine.shows("mmc0"), "what it showed before");
    assert_eq!(usb.visit(), None);

    // What the server said of an earlier visit does not end this one.
    usb.rest(&second).unwrap();
    let plugged = machine.plug(&volume);
    eventually("it is lent", || usb.visit().is_some_and(|visit| visit != second));
    assert_eq!(got(&usb, "kept/1"), b"1");
    drop(usb);
    eventually("nobody wants it", || machine.logged("can be pulled") == 2);
    drop(plugged);
}

fn listed_or_away(usb: &Usb) -> Option<Vec<String>> {
    match usb.list("") {
        Err(TargetError::Away(_)) => None,
        outcome => Some(outcome.unwrap().iter().map(|listed| listed.name.to_string()).collect()),
    }
}

pub fn a_stick_that_is_pulled_in_the_middle_keeps_what_it_had(kind: &'static str) {
    const LENGTH: u64 = 16 << 20;
    let volume = stick(kind, Volume::fallible(kind));
    let machine = Machine::new();
    let usb = machine.usb(LABEL);
    let mut plugged = Some(machine.plug(&volume));
    eventually("it is lent", || listed_or_away(&usb).is_some());
    put(&usb, "a/old", b"1").unwrap();
    let mut ballast = None;
    let mut content = Midway::new(LENGTH, LENGTH / 2, || {
        ballast = Some(volume.fail());
        plugged = None;
    });
    let refused = usb.put(&name("a/new"), LENGTH, &mut content).unwrap_err();
    assert!(matches!(refused, TargetError::Away(_)), "{refused:?}");
    assert!(refused.to_string().contains("was pulled: plug it in"), "{refused}");
    assert_eq!(machine.logged("was taken away in use"), 1);
    assert!(listed_or_away(&usb).is_none());

    fs::remove_file(ballast.unwrap()).unwrap();
    let plugged = machine.plug(&volume);
    eventually("it is back", || listed_or_away(&usb).is_some());
    assert_eq!((listed(&usb), got(&usb, "a/old")), (vec!["a/old".to_owned()], b"1".into()));
    put(&usb, "a/new", b"2").unwrap();
    let inside = machine.path("mounts").join(LABEL).join("edgekeep/a");
    assert_eq!(fs::read_dir(inside).unwrap().count(), 2);
    drop(plugged);
}

pub fn an_empty_folder_is_no_stick() {
    let machine = Machine::new();
    let ours = machine.path("mounts").join(LABEL).join("edgekeep");
    fs::create_dir_all(&ours).unwrap();
    let usb = machine.usb(LABEL);
    assert_eq!(usb.visit(), None);
    for refused in [
        put(&usb, "a", b"1"),
        usb.get(&name("a")).map(drop),
        usb.list("").map(drop),
        usb.delete(&name("a")),
    ] {
        assert!(matches!(refused, Err(TargetError::Away(_))), "{refused:?}");
    }
    assert_eq!(fs::read_dir(ours).unwrap().count(), 0);
    let request = machine.path("run/edgekeep/usb/EDGEKEEP");
    assert_eq!(fs::read_to_string(&request).unwrap(), "want\n");
    drop(usb);
    assert!(!request.exists());
}

pub fn who_looks_beside_the_keeper_takes_no_stick_from_it() {
    let machine = Machine::new();
    let usb = machine.usb(LABEL);
    usb.visit();
    let request = machine.path("run/edgekeep/usb/EDGEKEEP");
    // A request reaches the target, the settings are read: it lives for that alone.
    drop(machine.usb(LABEL));
    assert!(request.exists());
    let beside = machine.usb(LABEL);
    assert!(beside.list("").is_err());
    drop(beside);
    assert_eq!(fs::read_to_string(&request).unwrap(), "want\n");
    drop(usb);
    assert!(!request.exists());
}

pub fn where_nobody_can_be_asked_that_is_said() {
    let machine = Machine::new();
    // No folder can be made there.
    fs::remove_dir(machine.path("run/edgekeep")).unwrap();
    fs::write(machine.path("run/edgekeep"), "").unwrap();
    let refused = put(&machine.usb(LABEL), "a", b"1").unwrap_err();
    assert!(matches!(refused, TargetError::Away(_)), "{refused:?}");
    assert!(refused.to_string().contains("run/edgekeep/usb/EDGEKEEP cannot be"), "{refused}");
}

pub fn one_that_is_write_protected_says_so() {
    let volume = stick("ext4", Volume::mounted("ext4", 48 << 20));
    let protected = |how| does(Command::new("blockdev").arg(how).arg(volume.device())).unwrap();
    protected("--setro");
    let machine = Machine::new();
    let usb = machine.usb(LABEL);
    usb.visit();
    let plugged = machine.plug(&volume);
    eventually("it is lent", || machine.logged("is in use") == 1);
    let refused = put(&usb, "a", b"1").unwrap_err();
    assert!(matches!(refused, TargetError::ReadOnly(_)), "{refused:?}");
    assert!(refused.to_string().contains("switch"), "{refused}");
    drop(plugged);
    protected("--setrw");
}

pub fn one_that_cannot_be_mounted_is_told_of() {
    let volume = stick("ext4", Volume::mounted("ext4", 48 << 20));
    let machine = Machine::new();
    let mount = machine.path("bin/mount");
    fs::write(&mount, "#!/bin/sh\nexit 32\n").unwrap();
    fs::set_permissions(&mount, fs::Permissions::from_mode(0o755)).unwrap();
    let usb = machine.usb(LABEL);
    usb.visit();
    let mut plugged = machine.plug(&volume);
    plugged.child.wait().unwrap();
    let told = "cannot be mounted: the server takes it for one that is not plugged in";
    assert_eq!(machine.logged(told), 1, "{}", machine.log());
    assert!(!machine.path("mounts").join(LABEL).exists());
}

pub fn one_that_nobody_asks_for_is_left_alone() {
    let volume = stick("ext4", Volume::mounted("ext4", 48 << 20));
    let machine = Machine::new();
    let other = machine.usb("OTHER");
    other.visit();
    let plugged = machine.plug(&volume);
    // By its UUID it is asked for later: until then the script only looks.
    let mut blkid = Command::new("blkid");
    let uuid = does(blkid.args(["-p", "-s", "UUID", "-o", "value"]).arg(volume.device())).unwrap();
    let usb = machine.usb(uuid.trim());
    eventually("it is lent by its UUID", || listed_or_away(&usb).is_some());
    assert!(!machine.path("mounts").join("OTHER").exists() && other.visit().is_none());
    drop(usb);
    eventually("it can be pulled", || machine.logged("can be pulled") == 1);
    assert_eq!(machine.logged("is in use"), 1, "{}", machine.log());
    drop(plugged);
}
