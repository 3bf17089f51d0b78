//! Is there room for what is written, and the reserve for a full disk?

use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};

use super::Subject;
use super::finding::{Finding, size};
use crate::base::clock::SystemClock;
use crate::config::Storage;
use crate::storage::folder;
use crate::storage::redb::Options;

/// Below so many times the floor it is time to make room.
const LITTLE: u64 = 8;

/// Looks at the file system of the store.
pub fn look(subject: &Subject) -> Vec<Finding> {
    let Storage::Redb { folder, .. } = &subject.config.storage else {
        return vec![Finding::skipped("the store lies in memory")];
    };
    let there = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    let stat = match statvfs(there) {
        Ok(stat) => stat,
        Err(error) => return vec![Finding::warn(format!("{}: {error}", there.display()), "")],
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let options = Options::new(std::sync::Arc::new(SystemClock));
    let store = folder::data_file(folder).metadata().map_or(0, |meta| meta.len());
    let mut findings = Vec::new();
    if stat.f_flag.contains(StatVfsMountFlags::RDONLY) {
        findings.push(Finding::fail(
            format!("the file system of {} is mounted for reading alone", there.display()),
            "look at the disk (dmesg), then mount it for writing",
        ));
    }
    if stat.f_files > 0 && stat.f_favail == 0 {
        findings.push(Finding::fail(
            format!("the file system of {} takes no more files", there.display()),
            "remove some (df -i shows how many there may be)",
        ));
    }
    findings.push(room(free, options.floor_bytes, store));
    if store > 0 && !folder::space(folder, options.reserve_bytes).has_reserve() {
        findings.push(Finding::warn(
            format!("the reserve of {} for a full disk is not there", size(options.reserve_bytes)),
            "make room: a running server makes it again by itself",
        ));
    }
    findings
}

fn room(free: u64, floor: u64, store: u64) -> Finding {
    let free_text = size(free);
    if free < floor {
        return Finding::fail(
            format!("{free_text} are free: below {} all writes are refused", size(floor)),
            "make room on the store's file system",
        );
    }
    if free < floor * LITTLE {
        return Finding::warn(
            format!("{free_text} are free, and below {} all writes are refused", size(floor)),
            "make room on the store's file system",
        );
    }
    if free < store {
        return Finding::warn(
            format!("{free_text} are free, less than the store takes ({})", size(store)),
            "make room: a restore and a compaction want as much again for a while",
        );
    }
    Finding::ok(format!("{free_text} are free"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::room;

    #[test]
    fn room_is_judged_by_the_floor_and_by_the_store() {
        const MIB: u64 = 1 << 20;
        for (free, store, status) in [
            (15 * MIB, 0, Status::Fail),
            (100 * MIB, 0, Status::Warn),
            (200 * MIB, 300 * MIB, Status::Warn),
            (200 * MIB, 100 * MIB, Status::Ok),
        ] {
            assert_eq!(room(free, 16 * MIB, store).status, status, "{free} {store}");
        }
    }
}
