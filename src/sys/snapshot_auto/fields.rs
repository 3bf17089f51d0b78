//! What a target takes, as it is sent.

use std::time::Duration;

use crate::api::call::SystemCall;
use crate::api::field::{Field, FieldInfo};
use crate::base::fault::Fault;
use crate::snapshot::keeper::settings::{Fields, Given, field};

pub const NAME: Field<String> = Field::new("name", "The target's name.");
pub const AUTOLOAD: Field<bool> =
    Field::new("autoload_enabled", "Not supported: load a snapshot when one is needed.");

pub const STORAGE_TYPE: Field<String> = Field::new(
    field::STORAGE_TYPE,
    "The kind of place: file, local, usb, aws-s3 (s3), sftp or http.",
);
pub const PATH_PREFIX: Field<String> =
    Field::new(field::PATH_PREFIX, "The folder, or what names begin with.");
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
pub const USB_VOLUME: Field<String> =
    Field::new(field::USB_VOLUME, "Of usb: the volume's label or UUID.");
pub const S3_BUCKET: Field<String> =
    Field::new(field::S3_BUCKET, "Of aws-s3: the bucket, which must be there.");
pub const S3_REGION: Field<String> =
    Field::new(field::S3_REGION, "The region; us-east-1 unless said.");
pub const S3_ENDPOINT: Field<String> =
    Field::new(field::S3_ENDPOINT, "Another server than Amazon's: HOST or HOST:PORT.");
pub const S3_PATH_STYLE: Field<bool> =
    Field::new(field::S3_PATH_STYLE, "Name the bucket in paths, not in the host.");
pub const S3_DISABLE_TLS: Field<bool> = Field::new(field::S3_DISABLE_TLS, "Speak without TLS.");
pub const S3_ENABLE_KMS: Field<bool> =
    Field::new(field::S3_ENABLE_KMS, "Let the server encrypt by its KMS, too.");
pub const S3_KMS_KEY: Field<String> = Field::new(field::S3_KMS_KEY, "With which key of it.");
pub const S3_ENCRYPTION: Field<bool> =
    Field::new(field::S3_ENCRYPTION, "Let the server encrypt, too.");
pub const S3_KEY_ID: Field<String> =
    Field::new(field::S3_KEY_ID, "Who asks; AWS_ACCESS_KEY_ID unless said.");
pub const S3_SECRET: Field<String> = Field::new(field::S3_SECRET, "The key itself.");
pub const S3_SESSION: Field<String> = Field::new(field::S3_SESSION, "The token of a session.");
pub const SFTP_HOST: Field<String> =
    Field::new(field::SFTP_HOST, "Of sftp: the host, or what the SSH client calls it.");
pub const SFTP_PORT: Field<i64> =
    Field::new(field::SFTP_PORT, "Its port; what the client's configuration says, or 22.");
pub const SFTP_USERNAME: Field<String> =
    Field::new(field::SFTP_USERNAME, "Who logs in; the user of the server unless said.");
pub const SFTP_PATH: Field<String> =
    Field::new(field::SFTP_PATH, "The folder there, which must be there.");
pub const SFTP_IDENTITY: Field<String> =
    Field::new(field::SFTP_IDENTITY, "The file of the private key.");
pub const SFTP_KNOWN_HOSTS: Field<String> =
    Field::new(field::SFTP_KNOWN_HOSTS, "The file of the host keys that are known.");
pub const HTTP_URL: Field<String> =
    Field::new(field::HTTP_URL, "Of http: the WebDAV folder's URL.");
pub const HTTP_USERNAME: Field<String> = Field::new(field::HTTP_USERNAME, "Who logs in.");
pub const HTTP_PASSWORD: Field<String> = Field::new(field::HTTP_PASSWORD, "The password itself.");
pub const HTTP_ALLOW: Field<bool> =
    Field::new(field::HTTP_ALLOW, "Speak without TLS where the URL says http://.");
pub const CA_CERT: Field<String> =
    Field::new(field::CA_CERT, "A PEM file of authorities, not the system's.");
pub const TLS_SKIP_VERIFY: Field<bool> =
    Field::new(field::TLS_SKIP_VERIFY, "Believe any certificate.");

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
    &USB_VOLUME.info,
    &S3_BUCKET.info,
    &S3_REGION.info,
    &S3_ENDPOINT.info,
    &S3_PATH_STYLE.info,
    &S3_DISABLE_TLS.info,
    &S3_ENABLE_KMS.info,
    &S3_KMS_KEY.info,
    &S3_ENCRYPTION.info,
    &S3_KEY_ID.info,
    &S3_SECRET.info,
    &S3_SESSION.info,
    &SFTP_HOST.info,
    &SFTP_PORT.info,
    &SFTP_USERNAME.info,
    &SFTP_PATH.info,
    &SFTP_IDENTITY.info,
    &SFTP_KNOWN_HOSTS.info,
    &HTTP_URL.info,
    &HTTP_USERNAME.info,
    &HTTP_PASSWORD.info,
    &HTTP_ALLOW.info,
    &CA_CERT.info,
    &TLS_SKIP_VERIFY.info,
];

const TEXTS: &[&Field<String>] = &[
    &STORAGE_TYPE,
    &PATH_PREFIX,
    &FILE_PREFIX,
    &USB_VOLUME,
    &S3_BUCKET,
    &S3_REGION,
    &S3_ENDPOINT,
    &S3_KMS_KEY,
    &S3_KEY_ID,
    &S3_SECRET,
    &S3_SESSION,
    &SFTP_HOST,
    &SFTP_USERNAME,
    &SFTP_PATH,
    &SFTP_IDENTITY,
    &SFTP_KNOWN_HOSTS,
    &HTTP_URL,
    &HTTP_USERNAME,
    &HTTP_PASSWORD,
    &CA_CERT,
];
const NUMBERS: &[&Field<i64>] = &[
    &RETAIN,
    &KEEP_LAST,
    &KEEP_HOURLY,
    &KEEP_DAILY,
    &KEEP_WEEKLY,
    &KEEP_MONTHLY,
    &LOCAL_MAX_SPACE,
    &JOURNAL_MAX,
    &SFTP_PORT,
];
const SPANS: &[&Field<Duration>] = &[&INTERVAL, &KEEP_WITHIN, &VERIFY_AFTER];
const FLAGS: &[&Field<bool>] = &[
    &JOURNAL,
    &S3_PATH_STYLE,
    &S3_DISABLE_TLS,
    &S3_ENABLE_KMS,
    &S3_ENCRYPTION,
    &HTTP_ALLOW,
    &TLS_SKIP_VERIFY,
];

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
