//! What of an answer is not as it was recorded.

use std::borrow::Cow;
use std::sync::LazyLock;

use edgekeep::base::ttl::Ttl;
use regex_lite::Regex;
use serde_json::{Map, Value};

/// One place at which an answer is unlike the recorded one.
pub struct Unlike {
    /// Where, as fields from the top.
    pub place: String,
    /// What was recorded.
    pub recorded: Value,
    /// What was answered.
    pub here: Value,
}

/// Numbers that may be a little off.
const VOLATILE: &[&str] = &[
    "ttl",
    "lease_duration",
    "creation_ttl",
    "secret_id_ttl",
    "request_id",
    "num_uses_left",
    "index",
];

/// Fields that are younger than Vault 1.10, or tell the product's version.
const YOUNGER: &[&str] = &[
    "deprecation_status",
    "plugin_version",
    "running_plugin_version",
    "running_sha256",
    "token_strictly_bind_ip",
];

/// Which of them is answered to a path that is not clean is a matter of the server's library.
const REDIRECTS: &[u64] = &[301, 307, 308];

/// Compares a recorded step with an answer of the same form.
pub fn unlike(recorded: &Value, here: &Value) -> Vec<Unlike> {
    let (wanted, got) = (&recorded["status"], &here["status"]);
    let redirects =
        [wanted, got].iter().all(|s| s.as_u64().is_some_and(|s| REDIRECTS.contains(&s)));
    let mut found = Vec::new();
    if wanted != got && !redirects {
        note(&mut found, "status", wanted, got);
        return found;
    }
    if recorded.get("status_only").is_none() {
        let (wanted, got) = (&recorded["content_type"], &here["content_type"]);
        if !recorded["answer"].is_null() && wanted != got {
            note(&mut found, "content type", wanted, got);
        }
        differ(&mut found, &recorded["answer"], &here["answer"], "");
    }
    differ(&mut found, &recorded["exact"], &here["exact"], "exact");
    differ(&mut found, &recorded["read"], &here["read"], "read");
    found
}

/// The field at a path such as `data.keys.0`.
pub fn dig(document: &Value, path: &str) -> Option<Value> {
    let found = path.split('.').try_fold(document, |at, name| match at {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    });
    found.cloned()
}

fn note(found: &mut Vec<Unlike>, place: &str, recorded: &Value, here: &Value) {
    let place = place.to_owned();
    found.push(Unlike { place, recorded: recorded.clone(), here: here.clone() });
}

fn differ(found: &mut Vec<Unlike>, recorded: &Value, here: &Value, place: &str) {
    match (recorded, here) {
        (Value::Object(recorded), Value::Object(here)) => {
            differ_maps(found, recorded, here, place);
        }
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => {
            for (index, (wanted, got)) in wanted.iter().zip(got).enumerate() {
                differ(found, wanted, got, &format!("{place}[{index}]"));
            }
        }
        (Value::Number(wanted), Value::Number(got)) => {
            let (wanted, got) = (wanted.to_string(), got.to_string());
            let leaf = place.rsplit('.').next().unwrap_or_default();
            let drifted = VOLATILE.contains(&leaf) && near(&wanted, &got);
            if !(drifted || same_number(&wanted, &got)) {
                note(found, place, recorded, here);
            }
        }
        (Value::String(wanted), Value::String(got)) => {
            if !same_text(wanted, got) {
                note(found, place, recorded, here);
            }
        }
        _ if recorded == here => {}
        _ => note(found, place, recorded, here),
    }
}

fn differ_maps(
    found: &mut Vec<Unlike>,
    recorded: &Map<String, Value>,
    here: &Map<String, Value>,
    place: &str,
) {
    let absent = Value::from("(absent)");
    let compared = |name: &&String| !YOUNGER.contains(&name.as_str());
    for name in recorded.keys().filter(compared) {
        let place = format!("{place}.{name}");
        match here.get(name) {
            None => note(found, &place, &recorded[name], &absent),
            Some(got) if name == "warnings" => {
                differ(found, &lasting(&recorded[name]), &lasting(got), &place);
            }
            Some(got) => differ(found, &recorded[name], got, &place),
        }
    }
    for name in here.keys().filter(compared).filter(|name| !recorded.contains_key(*name)) {
        note(found, &format!("{place}.{name}"), &absent, &here[name]);
    }
}

/// Whole numbers are compared to the last digit; 1.0 is 1, and 1e3 is 1000.
fn same_number(a: &str, b: &str) -> bool {
    match (a.parse::<i128>(), b.parse::<i128>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b || a.parse::<f64>().ok() == b.parse::<f64>().ok(),
    }
}

/// A long time may have run down by more: where the tests of others run, a step takes long.
fn near(a: &str, b: &str) -> bool {
    match (a.parse::<i64>(), b.parse::<i64>()) {
        (Ok(a), Ok(b)) => a.abs_diff(b) <= (a.unsigned_abs() / 100).clamp(3, 120),
        _ => false,
    }
}

/// Warnings without those that only tell that a second has passed since a token was made: whoever
/// asks for its whole time again is told then that so much is not left.
fn lasting(warnings: &Value) -> Cow<'_, Value> {
    let passing = |warning: &Value| {
        let (asked, most) = warning.as_str().and_then(capped)?;
        near(&asked, &most).then_some(())
    };
    match warnings {
        Value::Array(all) if all.iter().any(|warning| passing(warning).is_some()) => {
            let rest = all.iter().filter(|warning| passing(warning).is_none());
            let rest: Vec<Value> = rest.cloned().collect();
            Cow::Owned(if rest.is_empty() { Value::Null } else { rest.into() })
        }
        _ => Cow::Borrowed(warnings),
    }
}

/// Texts are the same but for the product, and for the seconds that have passed.
fn same_text(recorded: &str, here: &str) -> bool {
    match (capped(recorded), capped(here)) {
        (Some((asked, most)), Some((asked_here, most_here))) => {
            asked == asked_here && near(&most, &most_here)
        }
        _ => without_product(recorded) == without_product(here),
    }
}

/// What was asked for and what was left, in seconds, if the text tells that one exceeds the other.
fn capped(text: &str) -> Option<(String, String)> {
    static CAPPED: LazyLock<Regex> = LazyLock::new(|| {
        let text = "^TTL of \"(.+)\" exceeded the effective max_ttl of \"(.+)\"; TTL value is \
                    capped accordingly$";
        Regex::new(text).unwrap()
    });
    let found = CAPPED.captures(text)?;
    let seconds =
        |group| Some(Ttl::parse(&found[group]).ok()?.to_duration()?.as_secs().to_string());
    Some((seconds(1)?, seconds(2)?))
}

/// A text without the name of the product that says it.
fn without_product(text: &str) -> String {
    static PRODUCT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b(OpenBao|Vault|Edgekeep)\b").unwrap());
    static COMMAND: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(['`])(bao|vault|edgekeep) ").unwrap());
    let text = PRODUCT.replace_all(text, "<product>");
    COMMAND.replace_all(&text, "${1}<cli> ").into_owned()
}
