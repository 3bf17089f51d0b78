//! `sys/key-status`, `sys/rotate` and `sys/rotate/config`: the data keys.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::undo::Undo;
use crate::api::ask::{DirectAsk, Verb};
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::journal::record::Mark;
use crate::barrier::keyring::Rotation;
use crate::barrier::{Barrier, Unsealed};
use crate::base::fault::Fault;
use crate::base::ttl::Ttl;

/// What these endpoints are given.
pub struct Keys {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// Keeps what was before a new key.
    pub undo: Undo,
}

/// The endpoints with their service.
pub fn engine(service: Keys) -> Bound<Keys> {
    Bound::new("The keys that seal values.", ROUTES, service)
}

/// How many values one key may seal, as Vault bounds it.
const OPERATIONS: std::ops::RangeInclusive<i64> = 1_000_000..=3_865_470_566;
const SHORTEST: Duration = Duration::from_secs(24 * 60 * 60);

const ENABLED: Field<bool> = Field::new("enabled", "Whether new keys are made by themselves.");
const MAX_OPERATIONS: Field<i64> = Field::new(
    "max_operations",
    "A new key is made after so many values were sealed: 1000000 to 3865470566.",
);
const INTERVAL: Field<Duration> =
    Field::new("interval", "A new key is made after this time: 24h at least; 0 is never.");

const ROUTES: &[Route<Keys>] = &[
    Route {
        path: "key-status",
        synopsis: "The key that seals values now.",
        description: "Its term, when it was made, and how many values it has sealed.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Tell it.", status)],
    },
    Route {
        path: "rotate",
        synopsis: "Make a new key for values.",
        description: "What was sealed before stays readable.",
        fields: &[],
        access: Access::Sudo,
        operations: &[Operation::direct(Verb::Write, "Make it.", rotate)],
    },
    Route {
        path: "rotate/config",
        synopsis: "When new keys are made by themselves.",
        description: "After a number of values or a time. What is not sent stays as it is.",
        fields: &[&ENABLED.info, &MAX_OPERATIONS.info, &INTERVAL.info],
        access: Access::Policy,
        operations: &[
            Operation::direct(Verb::Read, "Tell it.", read_config),
            Operation::direct(Verb::Write, "Change it.", write_config),
        ],
    },
];

/// How many values the newest key has sealed.
fn encryptions(unsealed: &Unsealed) -> u64 {
    let record = unsealed.status();
    if record.term == unsealed.keyring().term() { record.encryptions } else { 0 }
}

fn status(_: &Keys, call: &mut SystemCall<'_>) -> Outcome {
    let unsealed = call.txn.unsealed();
    let keyring = unsealed.keyring();
    Ok(Reply::data_at_top(object([
        ("term", keyring.term().into()),
        ("install_time", keyring.installed().rfc3339().into()),
        ("encryptions", encryptions(unsealed).into()),
    ])))
}

fn rotate(service: &Keys, _: DirectAsk) -> Outcome {
    let unsealed = service.barrier.unsealed().ok_or_else(Fault::sealed)?;
    let kept = service.undo.before(&unsealed, Mark::Rotate);
    unsealed.rotate()?;
    Ok(kept.into_iter().fold(Reply::nothing(), Reply::warn))
}

fn read_config(service: &Keys, _: DirectAsk) -> Outcome {
    let unsealed = service.barrier.unsealed().ok_or_else(Fault::sealed)?;
    let Rotation { enabled, max_operations, interval } = unsealed.keyring().rotation();
    let interval = match interval {
        Duration::ZERO => Value::from(0),
        interval => Ttl::from(interval).to_string().into(),
    };
    Ok(Reply::data(object([
        ("enabled", enabled.into()),
        ("max_operations", max_operations.into()),
        ("interval", interval),
    ])))
}

fn write_config(service: &Keys, ask: DirectAsk) -> Outcome {
    let fields = ask.fields(&[&ENABLED.info, &MAX_OPERATIONS.info, &INTERVAL.info])?;
    let unsealed = service.barrier.unsealed().ok_or_else(Fault::sealed)?;
    let mut rotation = unsealed.keyring().rotation();
    if let Some(operations) = fields.get(&MAX_OPERATIONS) {
        rotation.max_operations = u64::try_from(*operations)
            .ok()
            .filter(|_| OPERATIONS.contains(operations))
            .ok_or_else(|| {
                let (least, most) = (OPERATIONS.start(), OPERATIONS.end());
                Fault::bad_request(format!("max_operations must be in the range [{least},{most}]"))
            })?;
    }
    if let Some(interval) = fields.get(&INTERVAL) {
        if !interval.is_zero() && *interval < SHORTEST {
            let shortest = Ttl::from(SHORTEST);
            let text = format!("interval must be greater or equal to {shortest}");
            return Err(Fault::bad_request(text));
        }
        rotation.interval = *interval;
    }
    if let Some(enabled) = fields.get(&ENABLED) {
        rotation.enabled = *enabled;
    }
    unsealed.set_rotation(rotation)?;
    Ok(Reply::nothing())
}
