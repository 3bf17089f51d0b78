//! The machine as a whole: its name, its system, how long it runs.

use std::{fs, io};

use rustix::system::uname;
use serde_json::{Value, json};

use super::file;
use crate::base::clock::Clock;

/// All of it.
pub fn host(clock: &dyn Clock) -> io::Result<Value> {
    let system = uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let uptime = clock.boot().as_secs();
    let release = file("/etc/os-release").unwrap_or_default();
    let release = |name: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let platform = release("ID");
    let family = release("ID_LIKE");
    let family = family.split_whitespace().next().unwrap_or(&platform);
    let entries = fs::read_dir("/proc")?.flatten();
    let numbered =
        |entry: &fs::DirEntry| entry.file_name().to_string_lossy().parse::<u32>().is_ok();
    let processes = entries.filter(numbered).count();
    Ok(json!({
        "hostname": text(system.nodename()),
        "uptime": uptime,
        "bootTime": clock.wall().as_secs().saturating_sub(uptime),
        "procs": processes,
        "os": "linux",
        "platform": platform,
        "platformFamily": family,
        "platformVersion": release("VERSION_ID"),
        "kernelVersion": text(system.release()),
        "kernelArch": text(system.machine()),
        "virtualizationSystem": "",
        "virtualizationRole": "",
        "hostid": file("/etc/machine-id").map(|id| uuid(id.trim())).unwrap_or_default(),
    }))
}

/// 32 digits in the form of a UUID.
fn uuid(digits: &str) -> String {
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    parts.join("-")
}
