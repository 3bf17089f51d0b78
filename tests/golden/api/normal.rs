//! What differs from run to run is replaced by a placeholder of its kind, as it was in the
//! recordings.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use regex_lite::{Captures, Regex};
use serde_json::{Map, Value, json};

/// A pattern of a whole text, and its placeholder, in which `$1` is what its first group took and
/// `#` how long the whole is.
const WHOLE: &[(&str, &str)] = &[
    (r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$", "<time>"),
    (r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", "<uuid>"),
    (r"^(?:hv)?([sbr]\.)[A-Za-z0-9_-]{20,}$", "<token $1>"),
    (r"(?s)^-----BEGIN ([A-Z0-9 ]+)-----.*$", "<pem $1>"),
    (r"^(vault:v\d+):[A-Za-z0-9+/=_-]+$", "<$1>"),
    (r"^([0-9a-f]{2}:){8,}[0-9a-f]{2}$", "<serial>"),
    (r"^hmac-(sha\d+):[0-9a-f]+$", "<hmac-$1>"),
    (r"^((?:ssh|ecdsa)-[a-z0-9@.-]+) \S{60,}.*$", "<ssh $1>"),
    (r"^[0-9a-f]{32,}$", "<hex #>"),
    (r"^otpauth://(\w+)/.*$", "<otpauth $1>"),
    (r"^eyJ[\w-]+\.[\w-]+\.[\w-]+$", "<jwt>"),
    (r"^iVBORw0KGgo[A-Za-z0-9+/=]+$", "<png>"),
    (r"^MII[A-Za-z0-9+/]{100,}={0,2}$", "<der>"),
    (r"^(\S+/|)h[0-9a-f]{64}$", "$1<lease>"),
    (r"^vault-cluster-[0-9a-f]{8}$", "vault-cluster-<id>"),
    (r"^[A-Za-z0-9+/]{40,}={0,2}$", "<base64 #>"),
    (r"^(auth_[a-z0-9]+)_[0-9a-f]{8}$", "$1_<id>"),
    (r"^([a-z0-9-]+)_[0-9a-f]{8}$", "$1_<id>"),
];

/// A pattern of a part of a text, and its placeholder.
const WITHIN: &[(&str, &str)] = &[
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"\b(auth_[a-z0-9]+)_[0-9a-f]{8}\b", "$1_<id>"),
    (r"([0-9a-f]{2}:){8,}[0-9a-f]{2}", "<serial>"),
    (r"([0-9a-f]{2}-){8,}[0-9a-f]{2}", "<serial with ->"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>"),
];

type Patterns = Vec<(Regex, &'static str)>;

static WHOLE_PATTERNS: LazyLock<Patterns> = LazyLock::new(|| compile(WHOLE));
static PATTERNS_WITHIN: LazyLock<Patterns> = LazyLock::new(|| compile(WITHIN));

fn compile(table: &[(&str, &'static str)]) -> Patterns {
    table.iter().map(|(pattern, place)| (Regex::new(pattern).unwrap(), *place)).collect()
}

/// An answer, with `<url>` for the server's own address.
pub fn own(value: &Value, url: &str) -> Value {
    match value {
        Value::String(text) => text.replace(url, "<url>").into(),
        Value::Array(items) => items.iter().map(|item| own(item, url)).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), own(v, url))).collect(),
        other => other.clone(),
    }
}

/// What a signed token says: its header, its claims with placeholders, how long it lasts.
pub fn token(token: &Value) -> Option<Value> {
    let part = |number| {
        let part = BASE64.decode(token.as_str()?.split('.').nth(number)?).ok()?;
        serde_json::from_slice::<Value>(&part).ok()
    };
    let (header, claims) = (part(0)?, part(1)?);
    let mut read = json!({ "header": normal(&header, ""), "claims": normal(&claims, "") });
    if let (Some(exp), Some(iat)) = (claims["exp"].as_i64(), claims["iat"].as_i64()) {
        read["exp-iat"] = (exp - iat).into();
    }
    Some(read)
}

/// A value, which stands under `key`, with its placeholders.
pub fn normal(value: &Value, key: &str) -> Value {
    match value {
        Value::Object(map) => {
            let mut out = Map::new();
            for (name, value) in map {
                let mut place = text(name, "");
                while place != *name && out.contains_key(&place) {
                    place.push('\'');
                }
                out.insert(place, normal(value, name));
            }
            out.into()
        }
        Value::Array(items) => items.iter().map(|item| normal(item, key)).collect(),
        Value::Number(_) if key == "encryptions" => "<count>".into(),
        Value::Number(number) => match number.as_f64() {
            Some(seconds) if 1.6e9 < seconds && seconds < 4.2e9 => "<epoch>".into(),
            _ => value.clone(),
        },
        Value::String(said) => text(said, key).into(),
        Value::Bool(_) | Value::Null => value.clone(),
    }
}

fn text(said: &str, key: &str) -> String {
    if matches!(key, "accessor" | "wrapped_accessor" | "token_accessor") && !said.is_empty() {
        return "<accessor>".to_owned();
    }
    let only = |more: &str| said.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
    if matches!(key, "client_id") && said.len() == 26 && only("") {
        return "<random 26>".to_owned();
    }
    if matches!(key, "n" | "x" | "y") && said.len() >= 22 && only("-_") {
        return format!("<base64url {}>", said.len());
    }
    for (pattern, place) in WHOLE_PATTERNS.iter() {
        if let Some(found) = pattern.captures(said) {
            return put(place, &found);
        }
    }
    if is_random_id(said) {
        return "<id 24>".to_owned();
    }
    PATTERNS_WITHIN.iter().fold(said.to_owned(), |said, (pattern, place)| {
        pattern.replace_all(&said, |found: &Captures<'_>| put(place, found)).into_owned()
    })
}

fn put(place: &str, found: &Captures<'_>) -> String {
    let first = found.get(1).map_or("", |group| group.as_str());
    place.replace("$1", first).replace('#', &found[0].len().to_string())
}

fn is_random_id(said: &str) -> bool {
    said.len() == 24
        && said.bytes().all(|b| b.is_ascii_alphanumeric())
        && said.bytes().any(|b| b.is_ascii_lowercase())
        && said.bytes().any(|b| b.is_ascii_uppercase())
}
