//! Policies through the HTTP API, where the recordings do not look: which of many rules holds, on
//! what conditions, for whom, and that what is shown of rights is what happens.

mod chance;
mod conditions;
mod language;
mod paths;
#[path = "../support/mod.rs"]
mod support;
mod templates;
mod world;
