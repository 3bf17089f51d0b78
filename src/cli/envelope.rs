//! The envelope of Vault's answers, and how each format prints it.

use serde::Serialize;
use serde_json::{Value, json};

use super::context::Context;
use super::format::Format;
use super::stop::{Exit, Stop};
use super::table;
use super::values::items;
use crate::base::golang;
use crate::base::ttl::Ttl;
use crate::client::Answer;

/// What an answer holds, in the order in which Vault's command line prints it.
#[derive(Serialize)]
pub struct Envelope {
    request_id: String,
    lease_id: String,
    lease_duration: i64,
    renewable: bool,
    /// What was asked for; null where the answer has only warnings.
    pub data: Value,
    warnings: Value,
    /// The login that the answer is; null when it is none.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub auth: Value,
    /// The token that wraps the answer; null when it is not wrapped.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub wrap_info: Value,
    #[serde(skip)]
    raw: String,
}

/// The parts of an envelope: an answer that has none of them is bare.
const PARTS: [&str; 8] = [
    "request_id",
    "lease_id",
    "lease_duration",
    "renewable",
    "data",
    "warnings",
    "auth",
    "wrap_info",
];

fn is_something(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && *value != 0 && *value != ""
}

impl Envelope {
    /// Whether a body is an envelope, and not bare.
    pub fn is(body: &Value) -> bool {
        PARTS.iter().any(|part| is_something(&body[part]))
    }

    /// Reads an answer; `None` for one without a body.
    pub fn of(answer: &Answer) -> Option<Self> {
        let raw = String::from_utf8_lossy(&answer.raw).into_owned();
        Self::read(&answer.body, raw)
    }

    /// Reads a body that came with a 404: `None` where it holds neither data nor warnings.
    pub fn of_missing(body: &Value) -> Option<Self> {
        let says_something = !body["data"].is_null() || !body["warnings"].is_null();
        says_something.then(|| Self::read(body, body.to_string())).flatten()
    }

    /// Data that no server answered with; `None` where there is none.
    pub fn of_data(data: Value) -> Option<Self> {
        Self::of_missing(&json!({ "data": data }))
    }

    fn read(body: &Value, raw: String) -> Option<Self> {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let mut wrap_info = body["wrap_info"].clone();
        if let Value::Object(wrap_info) = &mut wrap_info {
            // Vault's command prints this field whether the server sent it or not.
            wrap_info.entry("wrapped_accessor").or_insert_with(|| "".into());
        }
        // What has no envelope, such as the answer of sys/health, is data itself.
        let bare = *body != json!({}) && !Self::is(body);
        body.is_object().then(|| Self {
            request_id: text("request_id"),
            lease_id: text("lease_id"),
            lease_duration: body["lease_duration"].as_i64().unwrap_or(0),
            renewable: body["renewable"].as_bool().unwrap_or(false),
            data: if bare { body.clone() } else { body["data"].clone() },
            warnings: body["warnings"].clone(),
            auth: login(&body["auth"]),
            wrap_info,
            raw,
        })
    }

    /// A login that no server answered with.
    pub fn of_login(auth: &Value) -> Self {
        Self {
            request_id: String::new(),
            lease_id: String::new(),
            lease_duration: 0,
            renewable: false,
            data: Value::Null,
            warnings: Value::Null,
            auth: login(auth),
            wrap_info: Value::Null,
            raw: String::new(),
        }
    }

    /// Whether it has the id of a request, as each answer has that is in an envelope.
    pub const fn has_id(&self) -> bool {
        !self.request_id.is_empty()
    }

    /// Whether it is a login, with a token.
    pub fn is_login(&self) -> bool {
        self.auth["client_token"].as_str().is_some_and(|token| !token.is_empty())
    }

    /// Whether it lists names.
    pub fn is_list(&self) -> bool {
        self.data["keys"].is_array()
    }

    /// Whether it is a lease.
    pub const fn is_lease(&self) -> bool {
        !self.lease_id.is_empty()
    }

    /// Prints the field that `-field` names, or else all.
    pub fn print(&self, cx: &mut Context) -> Result<Exit, Stop> {
        match (cx.format, cx.field.clone()) {
            (Format::Raw, _) => cx.say(self.raw.trim_end())?,
            (_, Some(field)) => return self.print_field(cx, &field),
            (Format::Table, None) => {
                let rows = self.rows();
                if !rows.is_empty() {
                    cx.say(&table::pairs(&rows))?;
                }
                self.warn(cx);
            }
            (_, None) => cx.say_value(self)?,
        }
        Ok(Exit::Done)
    }

    /// Prints one field, bare.
    pub fn print_field(&self, cx: &mut Context, field: &str) -> Result<Exit, Stop> {
        let value = self.field(field);
        let value = value.or_else(|| (field == "data").then(|| self.data.clone()));
        match value {
            Some(value) if !value.is_null() => cx.say_field(&value)?,
            _ => return Err(Stop::Unmet(format!("Field {field:?} not present in secret"))),
        }
        Ok(Exit::Done)
    }

    fn field(&self, field: &str) -> Option<Value> {
        let of_wrap = field.strip_prefix("wrapping_").map_or(field, |name| match name {
            "token_ttl" => "ttl",
            "token_creation_time" => "creation_time",
            "token_creation_path" => "creation_path",
            other => other,
        });
        let of_auth = match field {
            "token" => "client_token",
            "token_accessor" => "accessor",
            "token_duration" => "lease_duration",
            "token_renewable" => "renewable",
            other => other,
        };
        let found = self.auth.get(of_auth).or_else(|| self.wrap_info.get(of_wrap));
        let found = found.or_else(|| self.data.get(field)).cloned();
        match field {
            "refresh_interval" => found.or_else(|| Some(self.lease_duration.into())),
            _ => found,
        }
    }

    /// Prints the server's warnings beside a table.
    pub fn warn(&self, cx: &mut Context) {
        let texts: Vec<&str> = items(&self.warnings).iter().filter_map(Value::as_str).collect();
        if !texts.is_empty() {
            let texts = texts.iter().map(|text| table::wrap(&format!("  * {text}"), 4));
            let texts = texts.collect::<Vec<_>>().join("\n");
            cx.warn(&format!(
                "WARNING! The following warnings were returned from Edgekeep:\n\n{texts}"
            ));
        }
    }

    fn rows(&self) -> Vec<[String; 2]> {
        let mut rows = Vec::new();
        let mut add = |key: &str, value: String| rows.push([key.to_owned(), value]);
        if self.lease_duration > 0 {
            let duration = Ttl::from_secs(self.lease_duration).short();
            if self.lease_id.is_empty() {
                add("refresh_interval", duration);
            } else {
                add("lease_id", self.lease_id.clone());
                add("lease_duration", duration);
                add("lease_renewable", self.renewable.to_string());
            }
        }
        if let Value::Object(auth) = &self.auth {
            let get = |name: &str| auth.get(name).cloned().unwrap_or_default();
            let list = |name: &str| match get(name) {
                Value::Null => "[]".to_owned(),
                list => list.to_string().replace("\",\"", "\" \""),
            };
            add("token", golang::display(&get("client_token")));
            add("token_accessor", golang::display(&get("accessor")));
            add(
                "token_duration",
                match get("lease_duration").as_i64() {
                    None | Some(0) => "\u{221e}".into(),
                    Some(seconds) => Ttl::from_secs(seconds).short(),
                },
            );
            add("token_renewable", golang::display(&get("renewable")));
            add("token_policies", list("token_policies"));
            add("identity_policies", list("identity_policies"));
            add("policies", list("policies"));
            for (key, value) in get("metadata").as_object().into_iter().flatten() {
                add(&format!("token_meta_{key}"), golang::display(value));
            }
        }
        if let Value::Object(wrap) = &self.wrap_info {
            let get = |name: &str| wrap.get(name).map(golang::display).unwrap_or_default();
            let ttl = wrap.get("ttl").and_then(Value::as_i64).unwrap_or(0);
            add("wrapping_token:", get("token"));
            add("wrapping_accessor:", get("accessor"));
            add("wrapping_token_ttl:", Ttl::from_secs(ttl).short());
            add("wrapping_token_creation_time:", get("creation_time"));
            add("wrapping_token_creation_path:", get("creation_path"));
            if !get("wrapped_accessor").is_empty() {
                add("wrapped_accessor:", get("wrapped_accessor"));
            }
        }
        rows.extend(data_rows(&self.data));
        rows
    }
}

/// What Vault's command knows of a login, whether the server sent it or not, and nothing else.
fn login(auth: &Value) -> Value {
    let or = |name: &str, usual: Value| match &auth[name] {
        Value::Null => usual,
        value => value.clone(),
    };
    match auth {
        Value::Object(_) => json!({
            "client_token": or("client_token", "".into()),
            "accessor": or("accessor", "".into()),
            "policies": auth["policies"],
            "token_policies": auth["token_policies"],
            "identity_policies": auth["identity_policies"],
            "metadata": auth["metadata"],
            "orphan": or("orphan", false.into()),
            "entity_id": or("entity_id", "".into()),
            "lease_duration": or("lease_duration", 0.into()),
            "renewable": or("renewable", false.into()),
            "mfa_requirement": auth["mfa_requirement"],
        }),
        _ => Value::Null,
    }
}

/// The rows of a table of data; times to live are printed as durations.
pub fn data_rows(data: &Value) -> Vec<[String; 2]> {
    let rows = data.as_object().into_iter().flatten().map(|(key, value)| {
        let is_span = ["ttl", "period", "duration", "lease_max", "ttl_max"]
            .iter()
            .any(|&word| key == word || key.strip_suffix(word).is_some_and(|k| k.ends_with('_')));
        let seconds = value.as_i64().filter(|_| is_span);
        let shown = seconds.map_or_else(|| golang::display(value), |s| Ttl::from_secs(s).short());
        [key.clone(), shown]
    });
    rows.collect()
}
