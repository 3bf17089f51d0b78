//! `kv metadata`: what is kept about a key.

pub mod delete;
pub mod get;
pub mod patch;
pub mod put;
mod settings;

use super::place::Place;
use crate::cli::context::Context;
use crate::cli::stop::Stop;

/// The API's path of a key's metadata.
fn path(cx: &mut Context, mount: Option<&str>, key: &str) -> Result<String, Stop> {
    let place = Place::find(cx, mount, key)?;
    if !place.is_versioned {
        return Err(Stop::Usage("Metadata not supported on KV Version 1".into()));
    }
    Ok(place.path("metadata"))
}
