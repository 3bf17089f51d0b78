//! `custom_metadata`: the user's own texts about a secret, within Vault's limits.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::api::convert::convert;
use crate::api::field::{Converted, Field};
use crate::base::fault::Fault;
use crate::base::golang;

/// How many names one request may send.
const MAX_NAMES: usize = 64;
/// Bytes of a name.
const MAX_NAME: usize = 128;
/// Bytes of a text.
const MAX_TEXT: usize = 512;

/// One text, for its conversion.
static TEXT: Field<String> = Field::new("custom_metadata", "A text.");

/// How what was sent is read: [`replace`] or [`merge`].
pub type Reader = fn(&Map<String, Value>) -> Result<Change, Fault>;

/// A change that is within the limits.
pub struct Change {
    keeps_others: bool,
    /// `None` removes the name.
    texts: BTreeMap<String, Option<String>>,
}

/// A write: what was sent stands instead of what was there.
pub fn replace(sent: &Map<String, Value>) -> Result<Change, Fault> {
    let texts = sent.iter().map(|(name, value)| match convert(&TEXT.info, value) {
        Ok(Some(Converted::Text(text))) => Ok((name.clone(), Some(text))),
        Ok(_) => Err(refused(format_args!("value for key {} is no text", golang::quote(name)))),
        Err(error) => Err(refused(format_args!("{}", error.why()))),
    });
    Change { keeps_others: false, texts: texts.collect::<Result<_, _>>()? }.checked()
}

/// A patch: what was sent stands beside what was there, null removes.
pub fn merge(sent: &Map<String, Value>) -> Result<Change, Fault> {
    let texts = sent.iter().map(|(name, value)| match value {
        Value::Null => Ok((name.clone(), None)),
        Value::String(text) => Ok((name.clone(), Some(text.clone()))),
        _ => Err(refused(format_args!("value for key {} is no text", golang::quote(name)))),
    });
    Change { keeps_others: true, texts: texts.collect::<Result<_, _>>()? }.checked()
}

impl Change {
    /// The one after which there are no texts.
    pub const fn none() -> Self {
        Self { keeps_others: false, texts: BTreeMap::new() }
    }

    /// Makes the change.
    pub fn make(self, texts: &mut BTreeMap<String, String>) {
        if !self.keeps_others {
            texts.clear();
        }
        for (name, text) in self.texts {
            match text {
                Some(text) => drop(texts.insert(name, text)),
                None => drop(texts.remove(&name)),
            }
        }
    }

    fn checked(self) -> Result<Self, Fault> {
        let count = self.texts.len();
        let mut errors = Vec::new();
        if count > MAX_NAMES {
            errors.push(format!("payload must contain at most {MAX_NAMES} keys, provided {count}"));
        } else {
            for (name, text) in &self.texts {
                check(name, text.as_deref(), &mut errors);
            }
        }
        if errors.is_empty() { Ok(self) } else { Err(Fault::bad_request(together(&errors))) }
    }
}

fn check(name: &str, text: Option<&str>, errors: &mut Vec<String>) {
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

/// Several errors as Vault's Go library prints them.
fn together(errors: &[String]) -> String {
    let lines: String =
        errors.iter().map(|e| format!("\t* custom_metadata validation failed: {e}\n")).collect();
    let s = if errors.len() == 1 { "" } else { "s" };
    format!("{} error{s} occurred:\n{lines}\n", errors.len())
}

fn refused(why: std::fmt::Arguments<'_>) -> Fault {
    Fault::bad_request(format!("custom_metadata validation failed: {why}"))
}
