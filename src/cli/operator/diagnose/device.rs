//! What the kernel tells of the device on which a file lies.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor, statfs};

/// tmpfs and ramfs, by statfs(2).
const MEMORY: [i128; 2] = [0x0102_1994, 0x8584_58f6];

/// Whether a folder lies in memory.
pub fn is_memory(folder: &Path) -> bool {
    statfs(folder).is_ok_and(|stat| MEMORY.contains(&i128::from(stat.f_type)))
}

/// A block device.
pub struct Device(PathBuf);

impl Device {
    /// That on which a file or folder lies; none behind what is no disk of this machine.
    pub fn of(path: &Path) -> Option<Self> {
        let id = fs::metadata(path).ok()?.dev();
        let link = PathBuf::from(format!("/sys/dev/block/{}:{}", major(id), minor(id)));
        fs::canonicalize(link).ok().map(Self)
    }

    /// What it is called.
    pub fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Bytes written to it since the machine started.
    pub fn written(&self) -> Option<u64> {
        written(&fs::read_to_string(self.0.join("stat")).ok()?)
    }

    /// How much of its life an eMMC says that it has used up, in tenths: above ten, all.
    pub fn tenths_used(&self) -> Option<u64> {
        // A partition's device is that of the disk above it.
        let places = ["device/life_time", "../device/life_time"];
        let text = places.iter().find_map(|place| fs::read_to_string(self.0.join(place)).ok())?;
        tenths(&text)
    }
}

/// From the kernel's Documentation/block/stat.rst: sectors of 512 bytes.
fn written(stat: &str) -> Option<u64> {
    let sectors: u64 = stat.split_ascii_whitespace().nth(6)?.parse().ok()?;
    Some(sectors.saturating_mul(512))
}

/// Of two kinds of memory the one that is worse off; zero where the device does not know.
fn tenths(text: &str) -> Option<u64> {
    let each = text.split_ascii_whitespace();
    let each = each.map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok());
    each.collect::<Option<Vec<_>>>()?.into_iter().max().filter(|tenths| *tenths > 0)
}

#[cfg(test)]
mod tests {
    use super::{tenths, written};

    #[test]
    fn what_the_kernel_writes_is_read() {
        let stat = "  3021  120  98304  911  5012  400  16384  2200  0  1500  3111\n";
        assert_eq!(written(stat), Some(16384 * 512));
        assert_eq!(written("1 2 3"), None);
        assert_eq!(tenths("0x01 0x03\n"), Some(3));
        assert_eq!(tenths("0x00 0x00\n"), None);
        assert_eq!(tenths("what\n"), None);
    }
}
