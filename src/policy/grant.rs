//! What a rule gives, and on which conditions.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::capability::Capabilities;

/// What one `path` block gives.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// Its capabilities.
    pub capabilities: Capabilities,
    /// Its conditions, if it has any.
    pub limits: Option<Arc<Limits>>,
}

/// The name that stands for every parameter.
const ANY: &str = "*";

/// Parameters, in lower case, with the values that are meant; none for all.
pub type Parameters = BTreeMap<String, Vec<Value>>;

/// On which conditions a rule gives what it gives.
#[derive(Debug, Default, PartialEq)]
pub struct Limits {
    /// The answer must be wrapped for at least so long.
    pub min_wrapping_ttl: Option<Duration>,
    /// The answer must be wrapped, for at most so long.
    pub max_wrapping_ttl: Option<Duration>,
    /// Only these may be sent; anything when there are none.
    pub allowed: Parameters,
    /// These may not be sent.
    pub denied: Parameters,
    /// These must be sent.
    pub required: Vec<String>,
}

impl Limits {
    /// Whether it has conditions on what is sent.
    pub fn by_data(&self) -> bool {
        !(self.allowed.is_empty() && self.denied.is_empty() && self.required.is_empty())
    }

    fn allowed(&self) -> &Parameters {
        &self.allowed
    }

    fn denied(&self) -> &Parameters {
        &self.denied
    }
}

/// Whether an answer may be wrapped for so long, or not at all, under all of `limits`. Of several
/// bounds the smaller one holds, be it the least or the most.
pub fn permit_wrapping<'a>(
    limits: impl Iterator<Item = &'a Limits> + Clone,
    wrap_ttl: Option<Duration>,
) -> bool {
    let least = limits.clone().filter_map(|limits| limits.min_wrapping_ttl).min();
    let most = limits.filter_map(|limits| limits.max_wrapping_ttl).min();
    match (wrap_ttl, least, most) {
        (_, None, None) => true,
        (None, ..) => false,
        (Some(ttl), least, most) => {
            least.is_none_or(|least| ttl >= least) && most.is_none_or(|most| ttl <= most)
        }
    }
}

/// Whether `data` may be sent under all of `limits`.
pub fn permit_data<'a>(
    limits: impl Iterator<Item = &'a Limits> + Clone,
    data: &Map<String, Value>,
) -> bool {
    let required = limits.clone().flat_map(|limits| &limits.required);
    if !required.map(|name| lower(name)).all(|name| data.contains_key(&*name)) {
        return false;
    }
    if data.is_empty() {
        return true;
    }
    let lists = |data_name, of: fn(&Limits) -> &Parameters| {
        let name = lower(data_name);
        limits.clone().filter_map(move |limits| of(limits).get(&*name))
    };
    let all =
        |of: fn(&Limits) -> &Parameters| limits.clone().any(|limits| of(limits).contains_key(ANY));
    if all(Limits::denied) {
        return false;
    }
    if data.iter().any(|(name, value)| lists(name, Limits::denied).any(|list| means(list, value))) {
        return false;
    }
    let others_too = all(Limits::allowed);
    let mut named = limits.clone().flat_map(|limits| limits.allowed.keys());
    if named.all(|name| name == ANY) {
        return true;
    }
    data.iter().all(|(name, value)| {
        let mut lists = lists(name, Limits::allowed).peekable();
        if lists.peek().is_none() { others_too } else { lists.any(|list| means(list, value)) }
    })
}

/// A name in lower case; it is nearly always written so.
fn lower(name: &str) -> Cow<'_, str> {
    match name.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        true => name.to_lowercase().into(),
        false => name.into(),
    }
}

/// Whether a list of values means `sent`; an empty one means every value.
fn means(list: &[Value], sent: &Value) -> bool {
    list.is_empty()
        || list.iter().any(|value| match (value, sent) {
            (Value::String(pattern), Value::String(sent)) => globs(pattern, sent),
            (value, sent) => same(value, sent),
        })
}

/// Whether the values are the same to Vault: numbers are read in two ways there and never are.
fn same(value: &Value, sent: &Value) -> bool {
    match (value, sent) {
        (Value::Number(_) | Value::Null, _) => false,
        (Value::Array(values), Value::Array(sent)) => {
            values.len() == sent.len() && values.iter().zip(sent).all(|(a, b)| same(a, b))
        }
        (Value::Object(values), Value::Object(sent)) => {
            values.len() == sent.len()
                && values.iter().all(|(name, a)| sent.get(name).is_some_and(|b| same(a, b)))
        }
        (value, sent) => value == sent,
    }
}

/// Whether `text` fits a pattern with a `*` in front, behind, or at both ends.
fn globs(pattern: &str, text: &str) -> bool {
    if pattern == ANY {
        return text == ANY;
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(inner), Some(_)) => text.contains(inner.strip_suffix('*').unwrap_or(inner)),
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => text == pattern,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameters(value: Value) -> Parameters {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn values_match_as_in_vault() {
        for (list, sent, expected) in [
            (json!([]), json!({ "any": 1 }), true),
            (json!(["a"]), json!("a"), true),
            (json!(["a*"]), json!("ab"), true),
            (json!(["*b"]), json!("ab"), true),
            (json!(["*b*"]), json!("abc"), true),
            (json!(["**"]), json!("abc"), true),
            (json!(["*"]), json!("abc"), false),
            (json!(["a"]), json!(["a"]), false),
            (json!([["a", true]]), json!(["a", true]), true),
            (json!([["a*"]]), json!(["ab"]), false),
            (json!([{ "a": "b" }]), json!({ "a": "b" }), true),
            (json!([{ "a": "b" }]), json!({ "a": "b", "c": "d" }), false),
            (json!([true]), json!(true), true),
            (json!([true]), json!("true"), false),
            (json!([1]), json!(1), false),
            (json!([[1]]), json!([1]), false),
            (json!([""]), json!(null), false),
        ] {
            assert_eq!(means(list.as_array().unwrap(), &sent), expected, "{list} of {sent}");
        }
    }

    #[test]
    fn limits_of_several_policies_are_summed() {
        let of = |allowed: Value, denied: Value, required: &[&str]| Limits {
            allowed: parameters(allowed),
            denied: parameters(denied),
            required: required.iter().map(|name| (*name).to_owned()).collect(),
            ..Limits::default()
        };
        let one = || of(json!({ "x": ["1"], "w": ["1"] }), json!({}), &[]);
        let two = || of(json!({ "x": ["2"], "w": [] }), json!({}), &[]);
        let star = || of(json!({ "*": ["1"] }), json!({}), &[]);
        let not = || of(json!({}), json!({ "x": ["1"] }), &[]);
        let never = || of(json!({}), json!({ "*": [] }), &[]);
        let wants = || of(json!({}), json!({}), &["X"]);
        for (limits, sent, expected) in [
            (vec![one(), two()], json!({ "x": "1" }), true),
            (vec![one(), two()], json!({ "X": "2" }), true),
            (vec![one(), two()], json!({ "x": "3" }), false),
            (vec![one(), two()], json!({ "w": "3" }), true),
            (vec![one(), two()], json!({ "z": "3" }), false),
            (vec![one(), two()], json!({}), true),
            (vec![star()], json!({ "z": "3" }), true),
            (vec![star(), one()], json!({ "z": "3" }), true),
            (vec![star(), one()], json!({ "x": "3" }), false),
            (vec![one(), not()], json!({ "x": "1" }), false),
            (vec![not()], json!({ "x": "2", "y": "1" }), true),
            (vec![never()], json!({ "y": "1" }), false),
            (vec![never()], json!({}), true),
            (vec![wants(), one()], json!({ "x": "1" }), true),
            (vec![wants(), one()], json!({ "X": "1" }), false),
            (vec![wants(), one()], json!({}), false),
        ] {
            let data = sent.as_object().unwrap();
            assert_eq!(permit_data(limits.iter(), data), expected, "{limits:?} of {sent}");
        }
    }

    #[test]
    fn the_smaller_bound_of_wrapping_holds() {
        let of = |least: u64, most: u64| {
            let span = |secs| Some(Duration::from_secs(secs)).filter(|span| !span.is_zero());
            let (min_wrapping_ttl, max_wrapping_ttl) = (span(least), span(most));
            Limits { min_wrapping_ttl, max_wrapping_ttl, ..Limits::default() }
        };
        for (limits, ttl, expected) in [
            (vec![of(0, 0)], None, true),
            (vec![of(60, 0)], None, false),
            (vec![of(60, 0)], Some(59), false),
            (vec![of(60, 0)], Some(60), true),
            (vec![of(0, 300)], None, false),
            (vec![of(0, 300), of(0, 120)], Some(121), false),
            (vec![of(60, 0), of(600, 0)], Some(60), true),
            (vec![of(0, 300), of(0, 0)], None, false),
            (vec![of(600, 0), of(0, 300)], Some(400), false),
            (vec![of(600, 0), of(0, 300)], Some(200), false),
        ] {
            let ttl = ttl.map(Duration::from_secs);
            assert_eq!(permit_wrapping(limits.iter(), ttl), expected, "{limits:?} of {ttl:?}");
        }
    }
}
