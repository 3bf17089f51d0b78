//! `custom_metadata`: the user's own texts about a secret, within Vault's limits.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::CUSTOM_METADATA;
use crate::api::convert::convert;
use crate::api::custom;
use crate::api::field::{Converted, Field, Fields};
use crate::base::fault::Fault;
use crate::base::golang;

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

/// What was sent as custom metadata, if anything was; null takes all texts away.
pub fn sent(fields: &Fields<'_>, read: Reader) -> Result<Option<Change>, Fault> {
    match fields.get(&CUSTOM_METADATA) {
        None => Ok(None),
        Some(None) => Ok(Some(Change::none())),
        Some(Some(sent)) => read(sent).map(Some),
    }
}

/// A write: what was sent stands instead of what was there.
pub fn replace(sent: &Map<String, Value>) -> Result<Change, Fault> {
    let texts = sent.iter().map(|(name, value)| match convert(&TEXT.info, Cow::Borrowed(value)) {
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
    const fn none() -> Self {
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
        custom::check(self.texts.iter().map(|(name, text)| (name.as_str(), text.as_deref())))?;
        Ok(self)
    }
}

fn refused(why: std::fmt::Arguments<'_>) -> Fault {
    Fault::bad_request(format!("custom_metadata validation failed: {why}"))
}
