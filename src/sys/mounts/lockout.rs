//! When the users of an auth method are locked out, as it is sent and shown.

use serde_json::{Map, Value};

use super::config::ttl;
use super::fields::USER_LOCKOUT;
use crate::api::field::{Fields, ignored};
use crate::api::reply::object;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::mount::config::UserLockout;
use crate::mount::table::Mount;

const THRESHOLD: &str = "lockout_threshold";
const DURATION: &str = "lockout_duration";
const COUNTER_RESET: &str = "lockout_counter_reset_duration";
const DISABLE: &str = "lockout_disable";

/// Changes what was sent of it.
pub fn set(mount: &mut Mount, fields: &Fields<'_>) -> Result<(), Fault> {
    let Some(sent) = fields.get(&USER_LOCKOUT).flatten().filter(|sent| !sent.is_empty()) else {
        return Ok(());
    };
    if !mount.engine().is_some_and(|engine| engine.has_aliases()) {
        return Err(Fault::bad_request(format!(
            "tuning of user lockout configuration for auth type {} not allowed",
            golang::quote(&mount.kind)
        )));
    }
    let said = mount.config.user_lockout.get_or_insert_default();
    if let Some(text) = text(sent, THRESHOLD)? {
        said.threshold = text
            .parse()
            .map_err(|_| Fault::bad_request("unable to parse user lockout threshold"))?;
    }
    for (name, span) in [(DURATION, &mut said.duration), (COUNTER_RESET, &mut said.counter_reset)] {
        let text = text(sent, name)?.unwrap_or_default();
        let bad = |why| Fault::bad_request(format!("unable to parse {name}: {why}"));
        *span = ttl(&text).map_err(bad)?.unwrap_or(*span);
    }
    match sent.get(DISABLE) {
        None | Some(Value::Null) => {}
        Some(Value::Bool(disable)) => said.disable = *disable,
        Some(Value::String(text)) => {
            said.disable = golang::parse_bool(text).map_err(|_| unreadable())?;
        }
        Some(_) => return Err(unreadable()),
    }
    Ok(())
}

/// A warning of what was sent and means nothing.
pub fn warning(fields: &Fields<'_>) -> Option<String> {
    let sent = fields.get(&USER_LOCKOUT).flatten()?;
    let known = [THRESHOLD, DURATION, COUNTER_RESET, DISABLE];
    ignored(sent.keys().map(String::as_str).filter(|name| !known.contains(name)))
}

/// What is shown of it.
pub fn shown(said: UserLockout) -> Map<String, Value> {
    let UserLockout { threshold, duration, counter_reset, disable } = said;
    object([
        ("user_lockout_threshold", threshold.into()),
        ("user_lockout_duration", duration.into()),
        ("user_lockout_counter_reset_duration", counter_reset.into()),
        ("user_lockout_disable", disable.into()),
    ])
}

/// A text, or a number as one; `None` where nothing was said.
fn text(sent: &Map<String, Value>, name: &str) -> Result<Option<String>, Fault> {
    match sent.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(unreadable()),
    }
}

fn unreadable() -> Fault {
    Fault::bad_request("unable to convert given user lockout config information")
}
