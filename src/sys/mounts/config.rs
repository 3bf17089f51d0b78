//! A mount's configuration as it is sent: whole with enabling, in parts with tuning.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::fields::{
    DEFAULT_TTL, FORCE_NO_CACHE, MANAGED_KEYS, MAX_TTL, OF_CONFIG, REQUEST_HEADERS, REQUEST_KEYS,
    RESPONSE_HEADERS, RESPONSE_KEYS, TOKEN_TYPE, VISIBILITY,
};
use crate::api::field::{Field, Fields};
use crate::base::fault::Fault;
use crate::base::ttl::Ttl;
use crate::mount::config::{MountConfig, TokenType, Ttls, Visibility};

/// The fields in the `config` of enabling.
pub fn fields(sent: Option<&Map<String, Value>>) -> Result<Fields<'_>, Fault> {
    Fields::convert(OF_CONFIG, |name| sent?.get(name).map(Cow::Borrowed))
        .map_err(|_| Fault::bad_request("unable to convert given mount config information"))
}

/// The configuration of a mount that is being enabled.
pub fn of_new(fields: &Fields<'_>, system: Ttls) -> Result<MountConfig, Fault> {
    let ttl = |field: &Field<String>, said: &str| {
        let sent = fields.get(field).map_or("", String::as_str);
        let bad = |why| Fault::bad_request(format!("unable to parse {said} TTL of {sent}: {why}"));
        ttl(sent).map(Option::unwrap_or_default).map_err(bad)
    };
    let (default, max) = (ttl(&DEFAULT_TTL, "default")?, ttl(&MAX_TTL, "max")?);
    if max != 0 && default > max {
        let text = "given default lease TTL greater than given max lease TTL";
        return Err(Fault::bad_request(text));
    }
    if max == 0 && default > system.max {
        return Err(Fault::bad_request(format!(
            "given default lease TTL greater than system max lease TTL of {}",
            system.max
        )));
    }
    let mut config = MountConfig {
        default_lease_ttl: default,
        max_lease_ttl: max,
        force_no_cache: fields.get(&FORCE_NO_CACHE).copied().unwrap_or_default(),
        ..MountConfig::default()
    };
    set(&mut config, fields)?;
    Ok(config)
}

/// Changes what was sent of it.
pub fn tune(config: &mut MountConfig, fields: &Fields<'_>) -> Result<(), Fault> {
    let ttl = |field: &Field<String>, before: u64| {
        let sent = fields.get(field).map_or("", String::as_str);
        ttl(sent).map(|ttl| ttl.unwrap_or(before)).map_err(Fault::bad_request)
    };
    let default = ttl(&DEFAULT_TTL, config.default_lease_ttl)?;
    let max = ttl(&MAX_TTL, config.max_lease_ttl)?;
    // Unlike with enabling, the system's are no bounds here.
    if max != 0 && max < default {
        return Err(Fault::bad_request(format!(
            "backend max lease TTL of {max} would be less than backend default lease TTL of \
             {default}"
        )));
    }
    (config.default_lease_ttl, config.max_lease_ttl) = (default, max);
    set(config, fields)
}

/// Sets what is sent alike with enabling and tuning.
fn set(config: &mut MountConfig, fields: &Fields<'_>) -> Result<(), Fault> {
    if let Some(sent) = fields.get(&VISIBILITY) {
        let bad = || Fault::bad_request(format!("invalid listing_visibility {sent}"));
        config.listing_visibility = Visibility::named(sent).ok_or_else(bad)?;
    }
    if let Some(sent) = fields.get(&TOKEN_TYPE) {
        let bad = || Fault::bad_request("invalid value for 'token_type'");
        config.token_type = TokenType::named(sent).ok_or_else(bad)?;
    }
    let lists = [
        (&REQUEST_HEADERS, &mut config.passthrough_request_headers),
        (&RESPONSE_HEADERS, &mut config.allowed_response_headers),
        (&REQUEST_KEYS, &mut config.audit_non_hmac_request_keys),
        (&RESPONSE_KEYS, &mut config.audit_non_hmac_response_keys),
        (&MANAGED_KEYS, &mut config.allowed_managed_keys),
    ];
    for (field, list) in lists {
        if let Some(sent) = fields.get(field) {
            list.clone_from(sent);
        }
    }
    Ok(())
}

/// The seconds of a TTL; `None` where nothing was said, and 0 for the system's.
pub fn ttl(sent: &str) -> Result<Option<u64>, String> {
    match sent {
        "" => Ok(None),
        "system" => Ok(Some(0)),
        text => {
            let ttl = Ttl::parse(text).map_err(|error| error.to_string())?;
            let secs = u64::try_from(ttl.as_secs());
            secs.map(Some).map_err(|_| "it cannot be negative".to_owned())
        }
    }
}
