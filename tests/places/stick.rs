//! A stick, and root's script that lends it to the server, at the places where the two meet.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::disk;
use super::place::{Place, Trouble};
use super::support::TempDir;
use super::support::harness::{is_failing, needs_root};
use super::support::volume::{Volume, does};

const MOUNTS: &str = "/run/edgekeep-usb";
/// What the unit of the server makes for it.
const RUN: &str = "/run/edgekeep";

/// The folders are those of the machine: there is one stick at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A stick that the server knows by its UUID, which no other test has.
pub struct Stick {
    volume: Volume,
    uuid: String,
    home: TempDir,
    /// Whether the server's folder was not there before.
    made_run: bool,
    script: Option<Child>,
    /// What lets its electronics fail.
    ballast: Option<PathBuf>,
    _alone: MutexGuard<'static, ()>,
}

impl Stick {
    /// One that is plugged in, where root can lend it.
    pub fn plugged() -> Self {
        needs_root("to lend a stick");
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let volume = Volume::fallible("ext4");
        volume.unmount();
        let made_run = fs::create_dir(RUN).is_ok();
        let mut blkid = Command::new("blkid");
        let uuid = blkid.args(["-p", "-s", "UUID", "-o", "value"]).arg(volume.device());
        let uuid = does(uuid).unwrap().trim().to_owned();
        let home = TempDir::new();
        let (script, ballast, _alone) = (None, None, alone);
        let mut stick = Self { volume, uuid, home, made_run, script, ballast, _alone };
        stick.plug();
        stick
    }

    fn mounted(&self) -> PathBuf {
        Path::new(MOUNTS).join(&self.uuid)
    }

    fn device(&self) -> PathBuf {
        self.home.path().join("sda1")
    }

    /// As udev does, by the device that it gets.
    fn plug(&mut self) {
        symlink(self.volume.device(), self.device()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/edgekeep-usb");
        let log = self.home.path().join("log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(script)
            .arg(self.device())
            .env("EDGEKEEP_LED", "none")
            .env("EDGEKEEP_CONSOLE", self.home.path().join("console"))
            .env("EDGEKEEP_PAUSE", "0.2")
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn();
        self.script = Some(child.unwrap());
    }

    /// The device is gone, for which systemd ends the unit.
    fn pull(&mut self) {
        let _ = fs::remove_file(self.device());
        if let Some(mut script) = self.script.take() {
            let _ = kill_process(Pid::from_child(&script), Signal::TERM);
            let _ = script.wait();
        }
        let _ = Command::new("umount").arg("-l").arg(self.mounted()).output();
    }
}

impl Place for Stick {
    fn kind(&self) -> &'static str {
        "usb"
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        vec![("storage_type", "usb".into()), ("usb_volume", self.uuid.as_str().into())]
    }

    fn begin(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Killed => self.ballast = Some(self.volume.fail()),
            Trouble::Cut => self.pull(),
            Trouble::Full => disk::fill(&self.mounted()),
            Trouble::ReadOnly => disk::remount(&self.mounted(), "ro"),
            Trouble::Slow => disk::freeze(&self.mounted()),
        }
    }

    fn end(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Killed => {
                fs::remove_file(self.ballast.take().unwrap()).unwrap();
                self.pull();
                disk::wait_until_free(self.volume.device());
                self.plug();
            }
            Trouble::Cut => self.plug(),
            Trouble::Full => disk::clear(&self.mounted()),
            Trouble::ReadOnly => disk::remount(&self.mounted(), "rw"),
            Trouble::Slow => disk::thaw(&self.mounted()),
        }
    }
}

impl Drop for Stick {
    fn drop(&mut self) {
        self.pull();
        let _ = fs::remove_dir(self.mounted());
        let _ = fs::remove_file(Path::new(RUN).join("usb").join(&self.uuid));
        if self.made_run {
            let _ = fs::remove_dir(Path::new(RUN).join("usb"));
            let _ = fs::remove_dir(RUN);
        }
        let _ = fs::remove_file(Path::new(MOUNTS).join(format!(".{}", self.uuid)));
        if is_failing() {
            let log = fs::read_to_string(self.home.path().join("log"));
            eprintln!("the stick's script said:\n{}", log.unwrap_or_default());
        }
    }
}
