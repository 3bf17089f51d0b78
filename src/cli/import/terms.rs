//! The terms on which users and roles are given tokens.

use serde_json::{Map, Value};

/// Their names today.
pub const TERMS: [&str; 9] = [
    "token_bound_cidrs",
    "token_explicit_max_ttl",
    "token_max_ttl",
    "token_no_default_policy",
    "token_num_uses",
    "token_period",
    "token_policies",
    "token_ttl",
    "token_type",
];

/// The names that some had before.
const OLD: [&str; 5] = ["bound_cidrs", "max_ttl", "period", "policies", "ttl"];

/// The same under today's names alone: where both are told, the old one says the same.
pub fn renamed(mut told: Value) -> Value {
    if let Some(fields) = told.as_object_mut() {
        for old in OLD {
            let value = fields.remove(old);
            fields.entry(format!("token_{old}")).or_insert(value.unwrap_or_default());
        }
    }
    told
}

/// Those of `told` that are in `names` and were said.
pub fn chosen(names: &[&str], told: &Value) -> Map<String, Value> {
    let said = names.iter().map(|name| ((*name).to_owned(), told[*name].clone()));
    said.filter(|(_, value)| !value.is_null()).collect()
}
