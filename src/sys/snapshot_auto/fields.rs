//! What a target takes, as it is sent.

use std::time::Duration;

use crate::api::call::SystemCall;
use crate::api::field::{Field, FieldInfo};
use crate::base::fault::Fault;
use crate::snapshot::keeper::settings::{Fields, Given, field};

pub const NAME: Field<String> = Field::new("name", "The target's name.");
pub const AUTOLOAD: Field<bool> =
    Field::new("autoload_enabled", "Not supported: load a snapshot when one is needed.");

pub const STORAGE_TYPE: Field<String> =
    Field::new(field::STORAGE_TYPE, "The kind of place: file, or local with local_max_space.");
pub const PATH_PREFIX: Field<String> = Field::new(field::PATH_PREFIX, "The folder.");
pub const FILE_PREFIX: Field<String> =
    Field::new(field::FILE_PREFIX, "What the files' names begin with; vault-snapshot unless said.");
pub const INTERVAL: Field<Duration> = Field::new(
    field::INTERVAL,
    "The time from one snapshot to the next: seconds or a duration; 0 for the journal alone.",
);
pub const RETAIN: Field<i64> =
    Field::new(field::RETAIN, "How many are kept; 1 unless a keep_ says otherwise.");
pub const KEEP_LAST: Field<i64> = Field::new(field::KEEP_LAST, "The newest ones, as retain.");
pub const KEEP_HOURLY: Field<i64> =
    Field::new(field::KEEP_HOURLY, "The newest one of each of so many hours that have any.");
pub const KEEP_DAILY: Field<i64> = Field::new(field::KEEP_DAILY, "The same of days, in UTC.");
pub const KEEP_WEEKLY: Field<i64> = Field::new(field::KEEP_WEEKLY, "The same of weeks.");
pub const KEEP_MONTHLY: Field<i64> = Field::new(field::KEEP_MONTHLY, "The same of months.");
pub const KEEP_WITHIN: Field<Duration> =
    Field::new(field::KEEP_WITHIN, "All that were taken so long before the newest one, or later.");
pub const LOCAL_MAX_SPACE: Field<i64> = Field::new(
    field::LOCAL_MAX_SPACE,
    "Bytes that all snapshots of the prefix may take; an attempt that needs more fails.",
);
pub const VERIFY_AFTER: Field<Duration> =
    Field::new(field::VERIFY_AFTER, "The newest one is read back again after this time.");
pub const JOURNAL: Field<bool> =
    Field::new(field::JOURNAL, "Whether each transaction goes there within seconds.");
pub const JOURNAL_MAX: Field<i64> = Field::new(
    field::JOURNAL_MAX,
    "Bytes of the journal that are kept here at most while the target does not take them.",
);

/// What a target is set by.
pub const SETTINGS: &[&FieldInfo] = &[
    &NAME.info,
    &AUTOLOAD.info,
    &STORAGE_TYPE.info,
    &PATH_PREFIX.info,
    &FILE_PREFIX.info,
    &INTERVAL.info,
    &RETAIN.info,
    &KEEP_LAST.info,
    &KEEP_HOURLY.info,
    &KEEP_DAILY.info,
    &KEEP_WEEKLY.info,
    &KEEP_MONTHLY.info,
    &KEEP_WITHIN.info,
    &LOCAL_MAX_SPACE.info,
    &VERIFY_AFTER.info,
    &JOURNAL.info,
    &JOURNAL_MAX.info,
];

const TEXTS: &[&Field<String>] = &[&STORAGE_TYPE, &PATH_PREFIX, &FILE_PREFIX];
const NUMBERS: &[&Field<i64>] = &[
    &RETAIN,
    &KEEP_LAST,
    &KEEP_HOURLY,
    &KEEP_DAILY,
    &KEEP_WEEKLY,
    &KEEP_MONTHLY,
    &LOCAL_MAX_SPACE,
    &JOURNAL_MAX,
];
const SPANS: &[&Field<Duration>] = &[&INTERVAL, &KEEP_WITHIN, &VERIFY_AFTER];
const FLAGS: &[&Field<bool>] = &[&JOURNAL];

/// What was sent of them.
pub fn sent(call: &SystemCall<'_>) -> Result<Fields, Fault> {
    let mut fields = Fields::default();
    for field in TEXTS {
        if let Some(text) = call.fields.get(field) {
            fields.set(field.info.name, Given::Text(text.clone()));
        }
    }
    for field in NUMBERS {
        if let Some(number) = call.fields.get(field) {
            let name = field.info.name;
            let below = |_| Fault::bad_request(format!("{name} must not be below zero"));
            fields.set(name, Given::Number(u64::try_from(*number).map_err(below)?));
        }
    }
    for field in SPANS {
        if let Some(span) = call.fields.get(field) {
            fields.set(field.info.name, Given::Seconds(span.as_secs()));
        }
    }
    for field in FLAGS {
        if let Some(flag) = call.fields.get(field) {
            fields.set(field.info.name, Given::Flag(*flag));
        }
    }
    Ok(fields)
}
