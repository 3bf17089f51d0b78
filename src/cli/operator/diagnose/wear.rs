//! How much is written: a card has only so many writes.

use std::path::Path;
use std::time::Duration;

use super::finding::{Finding, size};
use super::{Subject, device::Device, running};
use crate::base::clock::{Clock, SystemClock};
use crate::config::Storage;

const DAY: f64 = 24.0 * 60.0 * 60.0;
/// An eMMC that has used up so many tenths of its life is to be replaced in time.
const OLD: u64 = 9;
/// What one says that has outlived what it was made for.
const OUTLIVED: u64 = 11;

/// Looks at what the server has written, and at the device under the store.
pub fn look(subject: &Subject) -> Vec<Finding> {
    let Storage::Redb { folder, .. } = &subject.config.storage else {
        return vec![Finding::skipped("the store lies in memory")];
    };
    let mut findings = vec![of_server(subject)];
    let there = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    findings.extend(match Device::of(there) {
        Some(device) => of_device(&device),
        None => vec![Finding::skipped("the store lies on no disk that the kernel counts for")],
    });
    findings
}

fn of_server(subject: &Subject) -> Finding {
    let Some(server) = &subject.running else { return Finding::skipped("no server runs") };
    let listeners = subject.config.listeners.iter();
    let told = listeners.filter(|listener| listener.rules.tells_metrics);
    let told = told.filter_map(running::metrics).find_map(|metrics| {
        let written = running::meter(&metrics, "edgekeep_storage_written_bytes_total")?;
        let started = running::meter(&metrics, "process_start_time_seconds")?;
        let ran = SystemClock.wall().as_secs() as f64 - started;
        Some((written as u64, Duration::try_from_secs_f64(ran).unwrap_or_default()))
    });
    if let Some((written, ran)) = told {
        let per_day = per_day(written, ran);
        return Finding::ok(format!(
            "the server wrote {} to the store's file since its start{per_day}",
            size(written)
        ));
    }
    match server.written() {
        Some(written) => {
            Finding::ok(format!("the server wrote {} to disks since its start", size(written)))
        }
        None => Finding::skipped(
            "what the server writes is told to root, or by a listener with \
             unauthenticated_metrics_access",
        ),
    }
}

fn of_device(device: &Device) -> Vec<Finding> {
    let name = device.name();
    let mut findings = Vec::new();
    if let Some(written) = device.written() {
        findings.push(Finding::ok(format!(
            "{name} took {} since the machine started{}",
            size(written),
            per_day(written, SystemClock.boot())
        )));
    }
    findings.extend(device.tenths_used().map(|tenths| of_life(&name, tenths)));
    findings
}

fn of_life(name: &str, tenths: u64) -> Finding {
    let remedy = "take a snapshot off the machine, and replace the device";
    match tenths {
        OUTLIVED.. => {
            Finding::fail(format!("{name} has outlived the writes that it was made for"), remedy)
        }
        OLD.. => Finding::warn(format!("{name} has used up {tenths} tenths of its life"), remedy),
        _ => Finding::ok(format!("{name} has used up {tenths} tenths of its life")),
    }
}

/// How much that is in a day, once there is something to go by.
fn per_day(written: u64, span: Duration) -> String {
    if span < Duration::from_secs(60 * 60) {
        return String::new();
    }
    let daily = written as f64 / span.as_secs_f64() * DAY;
    format!(", {} a day", size(daily as u64))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::{of_life, per_day};
    use std::time::Duration;

    #[test]
    fn a_device_ages() {
        for (tenths, status) in [(1, Status::Ok), (9, Status::Warn), (11, Status::Fail)] {
            assert_eq!(of_life("mmcblk0", tenths).status, status);
        }
        let hours = |n: u64| Duration::from_secs(n * 60 * 60);
        assert_eq!(per_day(3 << 20, hours(12)), ", 6.0 MiB a day");
        assert_eq!(per_day(3 << 20, Duration::from_secs(9)), "");
    }
}
