//! All versions of a secret, as `snapshot read -all-versions` prints them.

use serde_json::Value;

use super::read::read;
use crate::barrier::past::Past;
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::kv::show;
use crate::cli::stop::{Exit, Stop};
use crate::pipeline::alone::Place;

/// Prints what a read of each version answers, the oldest first.
pub fn print(cx: &mut Context, past: &Past, place: &Place) -> Result<Exit, Stop> {
    let path = &place.path;
    let Some(metadata) = &place.metadata else {
        return Err(Stop::Failed(format!("{path} is of no kv version 2: it has no versions")));
    };
    let known = read(past, metadata, None)?.unwrap_or_default();
    let known = known["versions"].as_object();
    let mut numbers: Vec<i64> =
        known.into_iter().flatten().filter_map(|(number, _)| number.parse().ok()).collect();
    numbers.sort_unstable();
    if numbers.is_empty() {
        return Err(Stop::Failed(format!("No value found at {path}")));
    }
    let versions = numbers.iter().map(|number| read(past, path, Some(*number)));
    let versions = versions.collect::<Result<Vec<Option<Value>>, Stop>>()?;
    if cx.format != Format::Table {
        cx.say_value(&versions)?;
        return Ok(Exit::Done);
    }
    let mut sections = vec![show::path("Secret Path", path)];
    for (number, version) in numbers.iter().zip(versions.into_iter().flatten()) {
        sections.push(show::section(&format!("Version {number}"), &version["metadata"]));
        if !version["data"].is_null() {
            sections.push(show::section(&format!("Data of Version {number}"), &version["data"]));
        }
    }
    cx.say(&sections.join("\n\n"))?;
    Ok(Exit::Done)
}
