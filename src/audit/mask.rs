//! How much is shown: texts as they are, or as their HMAC under the device's own salt.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value};

use crate::base::digest::MacKey;
use crate::base::hex;

/// What one device shows.
pub struct Mask {
    salt: MacKey,
    /// Everything as it is (`log_raw`).
    pub raw: bool,
    /// Accessors as their HMAC (`hmac_accessor`).
    pub hmac_accessor: bool,
    /// Of a listing, only how long it was (`elide_list_responses`).
    pub elide_lists: bool,
}

impl Mask {
    /// Vault's defaults.
    pub fn new(salt: &[u8; 32]) -> Self {
        let salt = MacKey::new(salt);
        Self { salt, raw: false, hmac_accessor: true, elide_lists: false }
    }

    /// What stands for `text`.
    pub fn hash(&self, text: &[u8]) -> String {
        let mut shown = "hmac-sha256:".to_owned();
        shown.push_str(&hex::encode(&self.salt.mac(&[text])));
        shown
    }

    /// A token, or another text that is nobody's business.
    pub fn secret<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.raw || text.is_empty() { text.into() } else { self.hash(text.as_bytes()).into() }
    }

    /// An accessor.
    pub fn accessor<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.hmac_accessor { self.secret(text) } else { text.into() }
    }
}

/// An object, of which a device shows the names and hashes the texts.
#[derive(Clone, Copy)]
pub struct Masked<'a> {
    /// The object.
    pub data: &'a Map<String, Value>,
    /// How much of it is shown.
    pub mask: &'a Mask,
    /// Below these names, at any depth, texts are shown as they are.
    pub plain: &'a [String],
    /// The same for names at the top: those of times.
    pub times: &'a [&'a str],
    /// Whether it is the answer to a listing.
    pub listing: bool,
}

impl Serialize for Masked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.data.len()))?;
        for (name, value) in self.data {
            map.serialize_key(name)?;
            match self.elided(name, value) {
                Some(length) => map.serialize_value(&length)?,
                None => map.serialize_value(&MaskedValue {
                    value,
                    mask: self.mask,
                    plain: self.plain,
                    shown: self.is_plain(name) || self.times.contains(&name.as_str()),
                })?,
            }
        }
        map.end()
    }
}

impl Masked<'_> {
    fn is_plain(&self, name: &str) -> bool {
        self.plain.iter().any(|plain| plain == name)
    }

    /// How long a list is, where only that is shown.
    fn elided(&self, name: &str, value: &Value) -> Option<usize> {
        match (name, value) {
            _ if !(self.listing && self.mask.elide_lists) => None,
            ("keys", Value::Array(keys)) => Some(keys.len()),
            ("key_info", Value::Object(info)) => Some(info.len()),
            _ => None,
        }
    }
}

struct MaskedValue<'a> {
    value: &'a Value,
    mask: &'a Mask,
    plain: &'a [String],
    /// Whether the nearest name above it is one of those.
    shown: bool,
}

impl Serialize for MaskedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { mask, plain, shown, .. } = *self;
        match self.value {
            Value::String(text) if !shown && !mask.raw => {
                serializer.serialize_str(&mask.hash(text.as_bytes()))
            }
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for value in items {
                    list.serialize_element(&MaskedValue { value, mask, plain, shown })?;
                }
                list.end()
            }
            Value::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    let shown = plain.contains(name);
                    map.serialize_entry(name, &MaskedValue { value, mask, plain, shown })?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(mask: &Mask, plain: &[&str], listing: bool, data: &Value) -> Value {
        let plain: Vec<String> = plain.iter().map(|&name| name.to_owned()).collect();
        let data = data.as_object().unwrap();
        let times = &["expire_time"];
        let masked = Masked { data, mask, plain: &plain, times, listing };
        serde_json::to_value(masked).unwrap()
    }

    #[test]
    fn the_hash_is_an_hmac_under_the_salt() {
        // RFC 4231 has no case with a key of 32 bytes: computed with Python's hmac.
        let mask = Mask::new(b"0123456789abcdef0123456789abcdef");
        let expected = "hmac-sha256:\
                        3aeecd2a3f581a29df60e4e8f9bd0b7f2ed98f94b21df0f4721a7ac59fbd533c";
        assert_eq!(mask.hash(b"test"), expected);
    }

    #[test]
    fn texts_are_hashed_whatever_they_lie_in() {
        let mask = Mask::new(&[7; 32]);
        let h = |text: &str| mask.hash(text.as_bytes());
        let data = json!({
            "a": "x", "n": 1.50, "t": true, "z": null, "e": "",
            "deep": [["x", {"y": "x"}], 5],
            "plain": ["x", {"plain": "x", "other": "x"}],
            "expire_time": "2022-03-01T00:00:00Z",
            "inner": {"expire_time": "x", "plain": "x"},
        });
        let expected = json!({
            "a": h("x"), "n": 1.50, "t": true, "z": null, "e": h(""),
            "deep": [[h("x"), {"y": h("x")}], 5],
            "plain": ["x", {"plain": "x", "other": h("x")}],
            "expire_time": "2022-03-01T00:00:00Z",
            "inner": {"expire_time": h("x"), "plain": "x"},
        });
        assert_eq!(shown(&mask, &["plain"], false, &data), expected);
    }

    #[test]
    fn raw_shows_all_and_an_elided_listing_its_length() {
        let mut mask = Mask { raw: true, ..Mask::new(&[7; 32]) };
        let data = json!({"keys": ["a", "b"], "key_info": {"a": {"b": "c"}}, "more": "x"});
        assert_eq!(shown(&mask, &[], true, &data), data);
        mask.elide_lists = true;
        assert_eq!(shown(&mask, &[], false, &data), data, "it is no listing");
        let expected = json!({"keys": 2, "key_info": 1, "more": "x"});
        assert_eq!(shown(&mask, &[], true, &data), expected);
    }
}
