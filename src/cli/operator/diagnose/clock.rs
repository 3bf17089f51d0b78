//! Is the time one that can be?

use std::path::Path;
use std::time::Duration;

use super::Subject;
use super::finding::Finding;
use crate::base::clock::{Clock, SystemClock, Timestamp};
use crate::config::Storage;
use crate::storage::folder;

/// Before the first version of this program there was none of its stores: 2026-01-01.
const FIRST: Timestamp = Timestamp::from_secs(1_767_225_600);
/// 2100-01-01: no clock is right that says this.
const LAST: Timestamp = Timestamp::from_secs(4_102_444_800);
/// A file's time is what the kernel took it to be a moment ago.
const SLACK: Duration = Duration::from_secs(2);

const REMEDY: &str = "set the clock, and let the network keep it (timedatectl set-ntp true)";

/// Looks at the clock, and at the time of the last write to the store.
pub fn look(subject: &Subject) -> Vec<Finding> {
    let written = match &subject.config.storage {
        Storage::Redb { folder, .. } => written(&folder::data_file(folder)),
        Storage::Memory => None,
    };
    vec![judge(SystemClock.wall(), written)]
}

/// When a file was last written.
fn written(file: &Path) -> Option<Timestamp> {
    let told = rustix::fs::stat(file).ok()?;
    u64::try_from(told.st_mtime).ok().map(Timestamp::from_secs)
}

fn judge(now: Timestamp, written: Option<Timestamp>) -> Finding {
    let shown = Timestamp::from_secs(now.as_secs()).rfc3339();
    if now < FIRST || now >= LAST {
        let what = format!("it cannot be {shown}: certificates and leases go by a wrong time");
        return Finding::fail(what, REMEDY);
    }
    match written {
        Some(written) if written > now.plus(SLACK) => Finding::warn(
            format!("it is {shown}, and the store was written later, {}", written.rfc3339()),
            format!("the clock went back: {REMEDY}"),
        ),
        _ => Finding::ok(format!("it is {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    #[test]
    fn times_are_judged() {
        let at = Timestamp::from_secs;
        let now = at(1_800_000_000);
        for (now, written, status) in [
            (at(0), None, Status::Fail),
            (at(5_000_000_000), None, Status::Fail),
            (now, Some(at(1_800_000_100)), Status::Warn),
            (now, Some(at(1_800_000_001)), Status::Ok),
            (now, None, Status::Ok),
        ] {
            assert_eq!(judge(now, written).status, status, "{now:?} {written:?}");
        }
    }
}
