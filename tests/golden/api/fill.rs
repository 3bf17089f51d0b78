//! What stands for something else in a recorded request: `$NAME` for what an earlier step saved,
//! `${text*N}` for text that is repeated, `$b64(text)`.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex_lite::{Captures, Regex};
use serde_json::{Map, Value};

static REPEATED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{(.+?)\*(\d+)\}").unwrap());
static NAMED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$([A-Za-z_]\w*)(\(?)").unwrap());
static BASE64: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$b64\(([^()]*)\)").unwrap());

/// A path or a header.
pub fn text(text: &str, names: &Map<String, Value>) -> String {
    fill(text, names, |value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// A body: in JSON, what is filled in is escaped.
pub fn body(body: &str, names: &Map<String, Value>) -> String {
    if !body.trim_start().starts_with(['{', '[']) {
        return text(body, names);
    }
    fill(body, names, |value| match value {
        Value::String(_) => {
            let quoted = value.to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        other => other.to_string(),
    })
}

fn fill(text: &str, names: &Map<String, Value>, shown: impl Fn(&Value) -> String) -> String {
    let text = REPEATED
        .replace_all(text, |found: &Captures<'_>| found[1].repeat(found[2].parse().unwrap()));
    let text = NAMED.replace_all(&text, |found: &Captures<'_>| match names.get(&found[1]) {
        Some(value) if &found[1] != "b64" => shown(value) + &found[2],
        _ => found[0].to_owned(),
    });
    let text = BASE64.replace_all(&text, |found: &Captures<'_>| STANDARD.encode(&found[1]));
    text.into_owned()
}
