//! What the endpoints take, and where that places a quota.

use std::time::Duration;

use super::Service;
use crate::api::call::SystemCall;
use crate::api::field::{Field, Fields};
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::quota::place::Place;

pub const NAME: Field<String> = Field::new("name", "The quota's name.");
pub const TYPE: Field<String> = Field::new("type", "Accepted: the path says it.");
pub const PATH: Field<String> = Field::new(
    "path",
    "Where it holds: empty for everywhere, a mount (secret/), or a path within one \
     (secret/data/app), with a * at its end all that begin so.",
);
pub const ROLE: Field<String> = Field::new(
    "role",
    "For logins as this role, where the path is an auth method that has roles, such as approle.",
);
pub const RATE: Field<f64> =
    Field::new("rate", "How many requests a client may make in each interval; above 0.");
pub const INTERVAL: Field<Duration> =
    Field::new("interval", "The interval, seconds or a duration; 1 second unless said.");
pub const BLOCK_INTERVAL: Field<Duration> = Field::new(
    "block_interval",
    "For how long a client that asked for more is refused everything; seconds or a duration.",
);
pub const MAX_LEASES: Field<i64> = Field::new("max_leases", "How many leases; above 0.");
pub const EXEMPT: Field<Vec<String>> = Field::new(
    "rate_limit_exempt_paths",
    "What paths begin with that no rate limit counts; of several the longest decides, and one with \
     a ! in front is counted after all. What is needed to watch and unseal the server is exempt \
     anyway.",
);
pub const AUDIT: Field<bool> =
    Field::new("enable_rate_limit_audit_logging", "Whether refused requests are audited.");
pub const HEADERS: Field<bool> = Field::new(
    "enable_rate_limit_response_headers",
    "Whether answers say in X-Ratelimit-Limit, -Remaining and -Reset how much of a limit is left.",
);

/// The name, which is a word with `.` and `-` inside.
pub fn name<'f>(fields: &'f Fields<'_>) -> Result<&'f str, Fault> {
    let name = fields.need(&NAME)?;
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let inner = |byte: &u8| word(byte) || matches!(byte, b'.' | b'-');
    let bytes = name.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    if bytes.iter().all(inner) && ends.into_iter().all(|end| end.is_some_and(word)) {
        return Ok(name);
    }
    Err(Fault::new(404, "1 error occurred:\n\t* unsupported path\n\n"))
}

/// The place that the sent path and role say.
pub fn sent_place(service: &Service, call: &mut SystemCall<'_>) -> Result<Place, Fault> {
    let text = |field| call.fields.get(field).map_or("", String::as_str);
    place(service, call.txn, text(&PATH), text(&ROLE))
}

/// The place that a path and a role say.
pub fn place(service: &Service, txn: &mut Txn, path: &str, role: &str) -> Result<Place, Fault> {
    let path = format!("{}/", path.strip_suffix('/').unwrap_or(path));
    let path = path.strip_prefix('/').unwrap_or(&path);
    let table = service.mounts.read(txn)?;
    let refuse = |text: String| Err(Fault::bad_request(text));
    let found = match path {
        "" => None,
        path => match table.resolve(path) {
            Some(found) => Some(found),
            None => return refuse(format!("invalid mount path {}", golang::quote(path))),
        },
    };
    let place = found.map_or(Place::Global, |(mount, below)| Place::within(&mount.path, below));
    if role.is_empty() {
        return Ok(place);
    }
    if !matches!(place, Place::Global | Place::Mount(_)) {
        return refuse(
            "Quotas cannot contain both a path suffix and a role. If a role is provided, path must \
             be a valid auth mount with a concept of roles"
                .to_owned(),
        );
    }
    let quoted = golang::quote(path);
    match found {
        Some((mount, _)) if mount.is_auth() => {
            if !mount.engine().is_some_and(|engine| engine.has_roles()) {
                return refuse(format!(
                    "Mount path {quoted} does not support use with role-based quotas"
                ));
            }
            Ok(Place::Role { mount: mount.path.clone(), role: role.to_owned() })
        }
        _ => refuse(format!(
            "Mount path {quoted} is not a valid auth method and therefore unsuitable for use with \
             role-based quotas"
        )),
    }
}
