//! `control_group` blocks: checked as Vault checks them, and then without effect, as in a Vault
//! that is not Enterprise.

use super::decode;
use crate::base::golang::quote;
use crate::base::hcl::{Body, Kind, Value};
use crate::base::ttl::Ttl;

/// Refuses what Vault refuses; `capabilities` are those of the rule.
pub fn check(group: &Body, capabilities: &[String]) -> Result<(), String> {
    if let Some(ttl) = decode::value(group, "ttl") {
        let failed = |error| format!("error parsing control group max ttl: {error}");
        duration(ttl).map_err(failed)?;
    }
    let factors = decode::blocks(group, "factor");
    if factors.is_empty() {
        return Err("no control group factors provided".to_owned());
    }
    for (_, factor) in factors {
        let missing = || "no control_group factor provided".to_owned();
        let factor = decode::object(factor).ok_or_else(missing)?;
        let identity = decode::value(factor, "identity").and_then(decode::object);
        let identity = identity.ok_or_else(missing)?;
        let read = |name| decode::texts(identity, name).map_err(|error| error.to_string());
        let groups = [read("group_ids")?, read("group_names")?].concat();
        let approvals = decode::value(identity, "approvals").and_then(Value::integer);
        if groups.is_empty() || approvals.is_none_or(|count| count <= 0) {
            return Err("must provide more than one identity group and approvals > 0".to_owned());
        }
        let controlled = decode::texts(factor, "controlled_capabilities");
        let controlled = controlled.map_err(|error| error.to_string())?;
        if !controlled.iter().all(|capability| capabilities.contains(capability)) {
            return Err("control group factor capabilities must be a subset of the policy's \
                        capabilities"
                .to_owned());
        }
    }
    Ok(())
}

/// A duration as policies write it: a number of seconds or text.
pub fn duration(value: &Value) -> Result<Ttl, String> {
    match (&value.kind, value.integer()) {
        (Kind::Text(text), _) => Ttl::parse(text).map_err(|error| error.to_string()),
        (Kind::Number(_), Some(secs)) => Ok(Ttl::from_secs(secs)),
        (Kind::Number(text), None) if text.contains(['.', 'e', 'E']) => {
            let secs: Option<f64> = text.parse().ok();
            secs.map(|secs| Ttl::from_secs(secs as i64)).ok_or_else(no_duration)
        }
        (Kind::Number(text), None) => {
            Err(format!("strconv.ParseInt: parsing {}: value out of range", quote(text)))
        }
        _ => Err(no_duration()),
    }
}

fn no_duration() -> String {
    "could not parse duration from input".to_owned()
}
