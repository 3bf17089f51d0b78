//! The file systems on devices (proc(5): `mounts` and `filesystems`; statvfs(3)).

use std::io;

use serde_json::{Value, json};

use super::{file, percent};

/// How full each of them is. Those of the network are not asked: they may not answer.
pub fn file_systems() -> io::Result<Value> {
    let kinds = file("/proc/filesystems")?;
    let on_devices: Vec<&str> =
        kinds.lines().filter_map(|line| line.strip_prefix('\t')).map(str::trim).collect();
    let mounts = file("/proc/self/mounts")?;
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (_device, path, kind) = (words.next()?, words.next()?, words.next()?);
        on_devices.contains(&kind).then(|| (unescaped(path), kind))
    });
    Ok(mounted.filter_map(|(path, kind)| usage(&path, kind)).collect())
}

/// None of one that cannot be asked, for want of rights mostly.
fn usage(path: &str, kind: &str) -> Option<Value> {
    let stat = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    let (total, free) = (bytes(stat.f_blocks), bytes(stat.f_bavail));
    let used = bytes(stat.f_blocks.saturating_sub(stat.f_bfree));
    let inodes_used = stat.f_files.saturating_sub(stat.f_ffree);
    Some(json!({
        "path": path,
        "fstype": kind,
        "total": total,
        "free": free,
        "used": used,
        // What only root may fill is neither.
        "usedPercent": percent(used, used.saturating_add(free)),
        "inodesTotal": stat.f_files,
        "inodesUsed": inodes_used,
        "inodesFree": stat.f_ffree,
        "inodesUsedPercent": percent(inodes_used, stat.f_files),
    }))
}

/// A path as it is: the kernel writes blanks and backslashes in it in octal (`\040`).
fn unescaped(path: &str) -> String {
    let mut parts = path.split('\\');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match digits {
            Some(byte) => {
                out.push(byte);
                out.extend(&part.as_bytes()[3..]);
            }
            None => {
                out.push(b'\\');
                out.extend(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_in_paths_are_read() {
        for (written, path) in [
            ("/mnt/usb\\040stick", "/mnt/usb stick"),
            ("/a\\134040", "/a\\040"),
            ("/a\\", "/a\\"),
            ("/a\\9é", "/a\\9é"),
            ("/plain", "/plain"),
        ] {
            assert_eq!(unescaped(written), path);
        }
    }
}
