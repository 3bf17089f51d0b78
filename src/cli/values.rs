//! How the values of options and of answers are read; truths and numbers are read as
//! `base::golang` does.

use serde_json::Value;

use crate::base::golang;
use crate::base::ttl::Ttl;

/// Reads a duration: `1h30m`, `30d`; a bare number is seconds.
pub fn parse_ttl(text: &str) -> Result<Ttl, String> {
    Ttl::parse(text).map_err(|e| e.to_string())
}

/// Reads `name=value`.
pub fn parse_pair(text: &str) -> Result<(String, String), String> {
    let wrong = || format!("missing = in KV pair: {}", golang::quote(text));
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What is in the list that a value of an answer is; nothing where it is none.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
