//! What the kernel knows of a process and of a disk.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// User and system time of a process.
pub fn cpu(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after = stat.rsplit_once(')')?.1;
    let field = |n: usize| after.split_whitespace().nth(n)?.parse::<u64>().ok();
    // Clock ticks are 10 ms on every Linux that there is.
    Some(Duration::from_millis((field(11)? + field(12)?) * 10))
}

/// Resident memory of a process, kB.
pub fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes written to the device that `path` lies on, since the machine started.
pub fn device_written(path: &Path) -> io::Result<u64> {
    rustix::fs::sync();
    let device = fs::metadata(path)?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let stat = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat"))?;
    let sectors = stat.split_whitespace().nth(6).and_then(|sectors| sectors.parse::<u64>().ok());
    sectors.map(|sectors| sectors * 512).ok_or_else(|| io::Error::other("no device statistics"))
}
