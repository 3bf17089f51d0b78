//! How a mount is tuned: as it is told, and as it is said again.

use serde_json::{Map, Value, json};

use super::settings::is_unset;

/// Times in seconds.
const TIMES: [&str; 2] = ["default_lease_ttl", "max_lease_ttl"];
const LISTS: [&str; 5] = [
    "allowed_managed_keys",
    "allowed_response_headers",
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "passthrough_request_headers",
];
const VISIBILITY: &str = "listing_visibility";
/// Of auth methods, and what it is when nobody has set it.
const TOKEN_TYPE: &str = "token_type";
const USUAL_TOKEN_TYPE: &str = "default-service";
/// Of auth methods whose users have names. What is in it is told with a prefix that is not said.
const LOCKOUT: &str = "user_lockout_config";
const LOCKOUT_PREFIX: &str = "user_";
/// Said outside of the configuration.
const DESCRIPTION: &str = "description";
/// Can be said only when a mount is made.
const FIXED: &str = "force_no_cache";

/// What of a mount's configuration can come.
pub fn known() -> Vec<&'static str> {
    [&TIMES[..], &LISTS[..], &[VISIBILITY, TOKEN_TYPE, LOCKOUT, FIXED]].concat()
}

/// What can be set otherwise of a mount that is here.
pub fn compared() -> Vec<&'static str> {
    [&TIMES[..], &LISTS[..], &[VISIBILITY, TOKEN_TYPE, LOCKOUT, DESCRIPTION]].concat()
}

/// What is set of a mount, under the names in [`compared`].
pub fn of(mount: &Value) -> Value {
    let config = &mount["config"];
    let mut all = Map::new();
    for name in compared() {
        let value = match name {
            DESCRIPTION => mount[name].clone(),
            LOCKOUT => lockout(&config[name]),
            TOKEN_TYPE if config[name] == USUAL_TOKEN_TYPE => Value::Null,
            name if TIMES.contains(&name) && !is_unset(&config[name]) => {
                format!("{}s", config[name]).into()
            }
            name => config[name].clone(),
        };
        if !is_unset(&value) {
            all.insert(name.to_owned(), value);
        }
    }
    all.into()
}

fn lockout(told: &Value) -> Value {
    let set = told.as_object().into_iter().flatten().filter(|(_, value)| !is_unset(value));
    let said = set.map(|(name, value)| {
        let name = name.strip_prefix(LOCKOUT_PREFIX).unwrap_or(name);
        let value =
            if name.ends_with("duration") { format!("{value}s").into() } else { value.clone() };
        (name.to_owned(), value)
    });
    Value::Object(said.collect())
}

/// What makes a mount here that is as it is there.
pub fn made(theirs: &Value) -> Value {
    let mut config = of(theirs);
    if let Some(config) = config.as_object_mut() {
        config.remove(DESCRIPTION);
    }
    if theirs["config"][FIXED] == true {
        config[FIXED] = true.into();
    }
    let mut body = json!({ "config": config });
    for name in [DESCRIPTION, "type", "options", "local", "seal_wrap", "external_entropy_access"] {
        if !theirs[name].is_null() {
            body[name] = theirs[name].clone();
        }
    }
    body
}

/// What tunes a mount here to be as it is there: all is said, so that nothing stays of what was.
pub fn tuned(theirs: &Value, is_auth: bool) -> Value {
    let mut body = of(theirs);
    let mut unset = |name: &str, value: Value| {
        if body[name].is_null() {
            body[name] = value;
        }
    };
    TIMES.iter().for_each(|name| unset(name, json!("system")));
    LISTS.iter().for_each(|name| unset(name, json!([])));
    [VISIBILITY, DESCRIPTION].iter().for_each(|name| unset(name, json!("")));
    if is_auth {
        unset(TOKEN_TYPE, USUAL_TOKEN_TYPE.into());
    }
    if let Some(body) = body.as_object_mut() {
        body.retain(|_, value| !value.is_null());
    }
    body
}
