//! The memory (proc(5): `meminfo`).

use std::collections::HashMap;
use std::io;

use serde_json::Value;

use super::{file, percent};
use crate::api::reply::object;

/// By Vault's names those of the kernel.
const NAMES: [(&str, &str); 32] = [
    ("total", "MemTotal"),
    ("available", "MemAvailable"),
    ("free", "MemFree"),
    ("active", "Active"),
    ("inactive", "Inactive"),
    ("buffers", "Buffers"),
    ("cached", "Cached"),
    ("writeback", "Writeback"),
    ("dirty", "Dirty"),
    ("writebacktmp", "WritebackTmp"),
    ("shared", "Shmem"),
    ("slab", "Slab"),
    ("sreclaimable", "SReclaimable"),
    ("sunreclaim", "SUnreclaim"),
    ("pagetables", "PageTables"),
    ("swapcached", "SwapCached"),
    ("commitlimit", "CommitLimit"),
    ("committedas", "Committed_AS"),
    ("hightotal", "HighTotal"),
    ("highfree", "HighFree"),
    ("lowtotal", "LowTotal"),
    ("lowfree", "LowFree"),
    ("swaptotal", "SwapTotal"),
    ("swapfree", "SwapFree"),
    ("mapped", "Mapped"),
    ("vmalloctotal", "VmallocTotal"),
    ("vmallocused", "VmallocUsed"),
    ("vmallocchunk", "VmallocChunk"),
    ("hugepagestotal", "HugePages_Total"),
    ("hugepagesfree", "HugePages_Free"),
    ("hugepagesize", "Hugepagesize"),
    // Of other systems.
    ("wired", ""),
];

/// How much there is of it, and for what it is used.
pub fn memory() -> io::Result<Value> {
    let text = file("/proc/meminfo")?;
    let told: HashMap<&str, u64> = text.lines().filter_map(line).collect();
    let of = |name: &str| told.get(name).copied().unwrap_or(0);
    let mut memory = object(NAMES.map(|(shown, name)| (shown, of(name).into())));
    let total = of("MemTotal");
    // As free(1) has it: page cache that can be given back is not in use.
    let cached = of("Cached") + of("SReclaimable");
    let used = total.saturating_sub(of("MemFree") + of("Buffers") + cached);
    memory.extend(object([
        ("cached", cached.into()),
        ("used", used.into()),
        ("usedPercent", percent(used, total).into()),
        ("laundry", 0.into()),
    ]));
    Ok(memory.into())
}

/// A line, in bytes; pages are counted.
fn line(line: &str) -> Option<(&str, u64)> {
    let (name, rest) = line.split_once(':')?;
    let mut words = rest.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    let unit = if words.next() == Some("kB") { 1 << 10 } else { 1 };
    Some((name, number.saturating_mul(unit)))
}
