//! What was written by other versions of the program: by an earlier one it opens for ever, by a newer
//! one it is refused by name. See `tests/vectors/README.md`.

mod files;
mod newer;
#[path = "../support/mod.rs"]
mod support;
