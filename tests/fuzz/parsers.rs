//! What each target does with its bytes, for the fuzzer and for `cargo test`, which runs the seeds.

pub mod front;
mod frozen;
pub mod policies;
pub mod segment;
pub mod snapshot;
pub mod stored;

use std::borrow::Cow;

use edgekeep::api::convert::convert;
use edgekeep::api::field::{FieldInfo, Kind};
use edgekeep::api::request::Body;
use edgekeep::api::strict::Strict;
use edgekeep::base::clock::Timestamp;
use edgekeep::base::entropy::SeededEntropy;
use edgekeep::base::openpgp::Recipient;
use edgekeep::base::secret::Secret;
use edgekeep::base::{hcl, json, merge_patch};
use edgekeep::engines::document::Document;
use serde_json::{Map, Value};

/// A target: the name of its seeds' folder, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("head", front::read_head),
    ("hcl", read_hcl),
    ("json", read_json),
    ("merge_patch", patch),
    ("openpgp", read_openpgp),
    ("password", policies::read_password),
    ("policy", policies::read),
    ("sealed", stored::open),
    ("segment", segment::read),
    ("snapshot", snapshot::read),
];

/// What policies and configuration are written in.
pub fn read_hcl(bytes: &[u8]) {
    if let Err(error) = hcl::parse_bytes(bytes) {
        assert!(error.at.line > 0 && error.at.column > 0, "{error}");
    }
}

/// A public key that somebody without a token may send: what is read encrypts.
pub fn read_openpgp(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let entropy = SeededEntropy::new(1);
    if let Ok(recipient) = Recipient::parse(text, Timestamp::from_secs(1_800_000_000), &entropy) {
        assert!(!recipient.encrypt(b"a share", &entropy).expect("it encrypts").is_empty());
    }
}

/// A request's body: every member as each kind of field, and kept as a secret's value.
pub fn read_json(bytes: &[u8]) {
    let _ = Strict::read("Request", &Body::Whole(Secret::new(bytes)));
    let Some(Ok(Value::Object(object))) = json::read_first(bytes) else { return };
    let kept = Document::of(Some(&object)).read().expect("what was kept can be read");
    assert_eq!(kept.as_ref(), Some(&object), "what was kept is what was sent");
    for kind in [
        Kind::Text,
        Kind::Int,
        Kind::Bool,
        Kind::Duration,
        Kind::SignedDuration,
        Kind::Ints,
        Kind::List,
        Kind::Object,
        Kind::Any,
    ] {
        let info = FieldInfo { name: "field", kind, help: "", query: false };
        for value in object.values() {
            if let Err(error) = convert(&info, Cow::Borrowed(value)) {
                assert!(!error.why().is_empty(), "{kind:?} of {value}");
            }
        }
    }
}

/// An array of an object and of a patch for it.
pub fn patch(bytes: &[u8]) {
    type Object = Map<String, Value>;
    let Ok((mut target, patch)) = serde_json::from_slice::<(Object, Object)>(bytes) else {
        return;
    };
    merge_patch::apply(&mut target, &patch);
    let once = target.clone();
    merge_patch::apply(&mut target, &patch);
    assert_eq!(target, once, "a patch that is applied twice changes nothing more");
    for (name, change) in &patch {
        assert_eq!(change.is_null(), !once.contains_key(name), "{name}");
    }
}
