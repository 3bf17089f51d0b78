//! Comparing what is set on both servers.

use serde_json::Value;

/// The names, out of `names`, of which two objects say different things; in lists order is nothing.
pub fn differing<'n>(names: &[&'n str], one: &Value, other: &Value) -> Vec<&'n str> {
    let differs = |name: &&&str| plain(&one[**name]) != plain(&other[**name]);
    names.iter().filter(differs).copied().collect()
}

/// Says what is set beside `names`, which are all that can come.
pub fn lost(names: &[&str], told: &Value) -> String {
    let fields = told.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, value)| !names.contains(&name.as_str()) && !is_unset(value));
    let lost: Vec<&str> = fields.map(|(name, _)| name.as_str()).collect();
    if lost.is_empty() {
        return String::new();
    }
    format!("without what is not known here: {}", lost.join(", "))
}

/// Whether nothing is set: null, zero, false and empty are one.
pub fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => matches!(text.as_str(), "" | "0s"),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

fn plain(value: &Value) -> Value {
    match value {
        unset if is_unset(unset) => Value::Null,
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(Value::to_string).collect();
            items.sort_unstable();
            items.into()
        }
        other => other.clone(),
    }
}
