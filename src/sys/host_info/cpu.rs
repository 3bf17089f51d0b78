//! The processors, and what they have done (proc(5): `cpuinfo` and `stat`).

use std::io;

use rustix::param::clock_ticks_per_second;
use serde_json::{Map, Value, json};

use super::file;

/// What each processor is. On ARM the kernel names fewer things, and otherwise.
pub fn processors() -> io::Result<Value> {
    let text = file("/proc/cpuinfo")?;
    Ok(text.split("\n\n").filter_map(processor).collect())
}

fn processor(block: &str) -> Option<Value> {
    let lines = || block.lines().filter_map(|line| line.split_once(':'));
    let said = |names: &[&str]| {
        let known = |name: &&str| lines().find(|(key, _)| key.trim() == *name);
        names.iter().find_map(known).map_or("", |(_, value)| value.trim())
    };
    // A block without a number is of the whole board.
    let number: u64 = said(&["processor"]).parse().ok()?;
    let whole = |names: &[&str]| {
        let digits = said(names).split_whitespace().next().unwrap_or_default();
        let hex = digits.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        hex.or_else(|| digits.parse().ok()).unwrap_or(0)
    };
    Some(json!({
        "cpu": number,
        "vendorId": said(&["vendor_id", "CPU implementer"]),
        "family": said(&["cpu family", "CPU architecture"]),
        "model": said(&["model", "CPU part"]),
        "stepping": whole(&["stepping", "CPU revision"]),
        "physicalId": said(&["physical id"]),
        "coreId": said(&["core id"]),
        "cores": 1,
        "modelName": said(&["model name", "Processor"]),
        "mhz": said(&["cpu MHz"]).parse::<f64>().unwrap_or(0.0),
        "cacheSize": whole(&["cache size"]),
        "flags": said(&["flags", "Features"]).split_whitespace().collect::<Vec<_>>(),
        "microcode": said(&["microcode"]),
    }))
}

/// The kinds of time in the order of the kernel's columns.
const KINDS: [&str; 10] =
    ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guestNice"];

/// Seconds that each processor has spent in each way since the machine started.
pub fn times() -> io::Result<Value> {
    let ticks = clock_ticks_per_second().max(1) as f64;
    let of_one = |line: &str| {
        let mut words = line.split_whitespace();
        // The line of all of them together is called `cpu`.
        let name = words.next().filter(|name| name.starts_with("cpu") && *name != "cpu")?;
        let seconds = words.map(|word| word.parse::<u64>().unwrap_or(0) as f64 / ticks);
        let spent = KINDS.iter().zip(seconds).map(|(kind, s)| ((*kind).to_owned(), json!(s)));
        let mut times: Map<String, Value> = spent.collect();
        times.insert("cpu".to_owned(), name.into());
        Some(Value::from(times))
    };
    Ok(file("/proc/stat")?.lines().filter_map(of_one).collect())
}
