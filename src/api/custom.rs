//! `custom_metadata`: the user's own texts about a thing, within Vault's limits.

use crate::base::fault::Fault;
use crate::base::golang;

/// How many names one request may send.
const MAX_NAMES: usize = 64;
/// Bytes of a name.
const MAX_NAME: usize = 128;
/// Bytes of a text.
const MAX_TEXT: usize = 512;

/// Refuses names with texts that are beyond the limits. A name without a text is one that is to be
/// removed.
pub fn check<'t>(
    texts: impl ExactSizeIterator<Item = (&'t str, Option<&'t str>)>,
) -> Result<(), Fault> {
    let count = texts.len();
    let mut errors = Vec::new();
    if count > MAX_NAMES {
        errors.push(format!("payload must contain at most {MAX_NAMES} keys, provided {count}"));
    } else {
        texts.for_each(|(name, text)| check_one(name, text, &mut errors));
    }
    if errors.is_empty() {
        return Ok(());
    }
    let errors: Vec<String> =
        errors.iter().map(|error| format!("custom_metadata validation failed: {error}")).collect();
    Err(Fault::bad_request(golang::multierror(&errors)))
}

fn check_one(name: &str, text: Option<&str>, errors: &mut Vec<String>) {
    let quoted = golang::quote(name);
    if !(1..=MAX_NAME).contains(&name.len()) {
        let length = name.len();
        errors.push(format!(
            "length of key {quoted} is {length} but must be 0 < len(key) <= {MAX_NAME}"
        ));
    }
    if !name.chars().all(golang::is_printable) {
        errors.push(format!("key {quoted} ({name}) contains unprintable characters"));
    }
    let Some(text) = text else { return };
    if !(1..=MAX_TEXT).contains(&text.len()) {
        let length = text.len();
        errors.push(format!(
            "length of value for key {quoted} is {length} but must be 0 < len(value) <= {MAX_TEXT}"
        ));
    }
    if !text.chars().all(golang::is_printable) {
        errors.push(format!("value for key {quoted} contains unprintable characters"));
    }
}
