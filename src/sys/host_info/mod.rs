//! `sys/host-info`: what the machine is and how it is, as the kernel tells it.

mod cpu;
mod disk;
mod host;
mod memory;

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

use serde_json::Value;

use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::clock::Clock;

/// The endpoint with the clocks.
pub fn engine(clock: Arc<dyn Clock>) -> Bound<Arc<dyn Clock>> {
    Bound::new("The machine.", ROUTES, clock)
}

/// Bytes that are read of what the kernel tells: more than it does of a machine with 256
/// processors.
const MOST: u64 = 4 << 20;

const ROUTES: &[Route<Arc<dyn Clock>>] = &[Route {
    path: "host-info/?",
    synopsis: "What the machine is and how it is.",
    description: "Its processors, memory, file systems and operating system. Sizes are in bytes, \
                  times in seconds.",
    fields: &[],
    access: Access::Policy,
    operations: &[Operation::direct(Verb::Read, "Tell it.", read)],
}];

/// A part that cannot be told is null, and a warning says why.
fn read(clock: &Arc<dyn Clock>, _: DirectAsk) -> Outcome {
    let parts = [
        ("cpu", cpu::processors()),
        ("cpu_times", cpu::times()),
        ("disk", disk::file_systems()),
        ("host", host::host(&**clock)),
        ("memory", memory::memory()),
    ];
    let mut warnings = Vec::new();
    let mut data = object(parts.map(|(name, part)| {
        let told = part.unwrap_or_else(|error| {
            warnings.push(format!("{name} cannot be told: {error}"));
            Value::Null
        });
        (name, told)
    }));
    data.insert("timestamp".to_owned(), clock.wall().rfc3339().into());
    Ok(warnings.into_iter().fold(Reply::data(data), Reply::warn))
}

/// A file of the kernel's. What is no UTF-8 in it is shown as such.
fn file(path: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `part` of `whole` in hundredths; zero of nothing.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}
