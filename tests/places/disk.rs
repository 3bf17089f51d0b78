//! What can be done to a mounted disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::eventually;
use super::support::volume::does;

/// Somebody else's file, which takes all the room.
fn ballast(mounted: &Path) -> PathBuf {
    mounted.join("holiday photos")
}

/// Fills it up; again, where there is room again.
pub fn fill(mounted: &Path) {
    let mut file = File::options().create(true).append(true).open(ballast(mounted)).unwrap();
    assert!(io::copy(&mut io::repeat(1), &mut file).is_err(), "it has no end");
}

/// Makes room.
pub fn clear(mounted: &Path) {
    fs::remove_file(ballast(mounted)).unwrap();
}

/// Mounts it anew, with `ro` or `rw`: as soon as no file is open that would be in the way.
pub fn remount(mounted: &Path, how: &str) {
    let options = format!("remount,{how}");
    eventually("it is mounted anew", || {
        does(Command::new("mount").args(["-o", &options]).arg(mounted)).is_ok()
    });
}

/// Whoever writes there waits from now on.
pub fn freeze(mounted: &Path) {
    does(Command::new("fsfreeze").arg("-f").arg(mounted)).unwrap();
}

/// No longer.
pub fn thaw(mounted: &Path) {
    does(Command::new("fsfreeze").arg("-u").arg(mounted)).unwrap();
}

/// Waits until nothing uses the ext4 on a device any more, so that it is read anew when mounted.
pub fn wait_until_free(device: &Path) {
    let used = Path::new("/sys/fs/ext4").join(device.file_name().unwrap());
    eventually("nobody uses the disk", || !used.exists());
}
