//! `subkeys/`: the names in a secret, without its values.

use serde_json::{Map, Value};

use super::fields::{DEPTH, VERSION};
use super::secret::version_reply;
use crate::api::call::Call;
use crate::api::route::Outcome;

pub fn read(_: &(), call: &mut Call<'_>) -> Outcome {
    let number = call.fields.get(&VERSION).copied().unwrap_or(0);
    let levels = match call.fields.get(&DEPTH).copied().unwrap_or(0) {
        0 => u64::MAX,
        depth => u64::try_from(depth).unwrap_or(1),
    };
    version_reply(call, number, "subkeys", |value| value.map_or(Value::Null, |v| names(v, levels)))
}

/// The same object, `levels` deep, its values null.
fn names(object: Map<String, Value>, levels: u64) -> Value {
    let shown = object.into_iter().map(|(name, value)| match value {
        Value::Object(inner) if levels > 1 && !inner.is_empty() => (name, names(inner, levels - 1)),
        _ => (name, Value::Null),
    });
    Value::Object(shown.collect())
}
