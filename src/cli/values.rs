//! How the values of options are read; truths and numbers are read as `base::golang` does.

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
