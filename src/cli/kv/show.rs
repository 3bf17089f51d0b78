//! What `kv` prints: the path, and tables under their headers.

use serde_json::Value;

use super::place::Place;
use crate::cli::context::Context;
use crate::cli::envelope::{Envelope, data_rows};
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::table;

/// A path under its header.
pub fn path(title: &str, path: &str) -> String {
    format!("{}\n{path}", table::header(title, path.chars().count()))
}

/// Data under a header.
pub fn section(title: &str, data: &Value) -> String {
    let rows = data_rows(data);
    format!("{}\n{}", table::header_over(title, &rows), table::pairs(&rows))
}

/// What a write of a key gave.
pub fn written(cx: &mut Context, place: &Place, envelope: Option<Envelope>) -> Result<Exit, Stop> {
    let at = place.path("data");
    let Some(envelope) = envelope else {
        cx.done(&format!("Data written to: {at}"))?;
        return Ok(Exit::Done);
    };
    let is_told = envelope.data["version"].is_number() || !envelope.wrap_info.is_null();
    if place.is_versioned && !is_told {
        return Err(cx.not_understood().about(&format!("Error writing data to {at}")));
    }
    let plain = cx.format != Format::Table || cx.field.is_some() || !envelope.wrap_info.is_null();
    if plain || !place.is_versioned {
        return envelope.print(cx);
    }
    let metadata = section("Metadata", &envelope.data);
    cx.say(&format!("{}\n\n{metadata}", path("Secret Path", &at)))?;
    envelope.warn(cx);
    Ok(Exit::Done)
}
