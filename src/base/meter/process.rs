//! What the process takes up of the machine.

use std::fs;

use rustix::param::page_size;
use rustix::process::{Resource, getrlimit};

use super::readings::{Labels, Metered, Readings, Value};
use crate::base::clock::{Clock, Timestamp, cpu_time};

/// Reads it from the kernel when it is asked.
pub struct Process {
    started: Timestamp,
}

impl Process {
    /// The process starts now.
    pub fn started(clock: &dyn Clock) -> Self {
        Self { started: clock.wall() }
    }
}

/// Pages: all that are mapped, those in memory, and of these those that files or others share.
struct Pages {
    mapped: u64,
    resident: u64,
    shared: u64,
}

impl Pages {
    /// From proc_pid_statm(5).
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/statm").ok()?;
        let mut fields = text.split_ascii_whitespace().map(str::parse);
        let mut next = || fields.next()?.ok();
        Some(Self { mapped: next()?, resident: next()?, shared: next()? })
    }
}

/// From proc_pid_stat(5): the name, in parentheses, may hold anything.
fn threads() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(17)?.parse().ok()
}

impl Metered for Process {
    fn tell(&self, to: &mut Readings) {
        if let Some(pages) = Pages::read() {
            let bytes = |pages: u64| (pages * page_size() as u64) as f64;
            let own = bytes(pages.resident.saturating_sub(pages.shared));
            to.gauge("vault.runtime.alloc_bytes", "Bytes of memory of the process alone.", own);
            let resident = bytes(pages.resident);
            to.gauge("vault.runtime.sys_bytes", "Bytes of memory of the process.", resident);
            to.gauge("process_resident_memory_bytes", "Bytes of memory.", resident);
            let mapped = bytes(pages.mapped);
            to.gauge("process_virtual_memory_bytes", "Bytes of address space.", mapped);
        }
        if let Some(threads) = threads() {
            to.gauge("vault.runtime.num_goroutines", "Threads of the process.", threads as f64);
        }
        if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
            // The one that lists them is not there before and after.
            let open = descriptors.count().saturating_sub(1) as f64;
            to.gauge("process_open_fds", "Open descriptors.", open);
        }
        if let Some(most) = getrlimit(Resource::Nofile).current {
            to.gauge("process_max_fds", "Descriptors that may be open.", most as f64);
        }
        let help = "When the server started, in seconds since 1970.";
        let started = self.started.as_nanos() as f64 / 1e9;
        to.gauge("process_start_time_seconds", help, started);
        let help = "Seconds of processor time.";
        let spent = Value::Seconds(cpu_time());
        to.add("process_cpu_seconds_total", help, Labels::new(), spent);
    }
}
