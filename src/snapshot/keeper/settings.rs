//! How a target is set: values as they were given, in a file or through the API, and what is made
//! of them.
//!
//! They are stored as they were given, so that a further field is no new record, and are read into
//! [`Settings`] in one place, with one set of texts for what is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::retention::Policy;
use crate::barrier::journal::DEFAULT_LIMIT;
use crate::base::credential::Credential;
use crate::base::record::Record;
use crate::snapshot::target::open::Place;

/// A value as it was given. Wiped when dropped: it may be a credential.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub enum Given {
    /// Text.
    Text(String),
    /// A number.
    Number(u64),
    /// A duration, in seconds.
    Seconds(u64),
    /// True or false.
    Flag(bool),
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given(..)")
    }
}

/// All that was given of a target, by the fields' names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields(BTreeMap<String, Given>);

impl Record for Fields {
    const VERSION: u8 = 1;
}

/// Who gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Giver {
    /// Who writes the configuration, and may name any file and variable of the server.
    Configuration,
    /// Who may set targets through the API, and nothing more.
    Api,
}

/// What is wrong with what was given: for who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

impl Wrong {
    /// A folder is in that of the store.
    pub fn is_in(store: &Path) -> Self {
        Self(format!(
            "path_prefix must not be in {}, the folder of the store, which is lost with it",
            store.display()
        ))
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// A target and what is to be kept on it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which place.
    pub place: Place,
    /// The time from one snapshot to the next; zero where none is taken by itself.
    pub interval: Duration,
    /// Which are kept.
    pub policy: Policy,
    /// How their names begin.
    pub file_prefix: String,
    /// So many bytes may all of them take; an attempt that needs more fails.
    pub max_space: Option<u64>,
    /// After this time the newest one, and the journal behind it, is read back again.
    pub verify_after: Option<Duration>,
    /// Whether the journal goes there too.
    pub journal: bool,
    /// So many bytes of it are kept here at most while the target does not take them.
    pub journal_max: u64,
    /// Files of the machine that go along.
    pub include: Vec<PathBuf>,
    /// As it was given.
    pub given: Fields,
}

/// Names of fields; those of single kinds of places stand with these.
pub mod field {
    /// Which kind of place.
    pub const STORAGE_TYPE: &str = "storage_type";
    /// The time from one snapshot to the next.
    pub const INTERVAL: &str = "interval";
    /// How many are kept.
    pub const RETAIN: &str = "retain";
    /// The newest ones that are kept.
    pub const KEEP_LAST: &str = "keep_last";
    /// One for each hour.
    pub const KEEP_HOURLY: &str = "keep_hourly";
    /// One for each day.
    pub const KEEP_DAILY: &str = "keep_daily";
    /// One for each week.
    pub const KEEP_WEEKLY: &str = "keep_weekly";
    /// One for each month.
    pub const KEEP_MONTHLY: &str = "keep_monthly";
    /// All within a time.
    pub const KEEP_WITHIN: &str = "keep_within";
    /// The folder, or what names begin with.
    pub const PATH_PREFIX: &str = "path_prefix";
    /// How the names of snapshots begin.
    pub const FILE_PREFIX: &str = "file_prefix";
    /// Bytes that all snapshots may take.
    pub const LOCAL_MAX_SPACE: &str = "local_max_space";
    /// When the newest one is read back again.
    pub const VERIFY_AFTER: &str = "verify_after";
    /// Files of the machine that go along: of the configuration alone.
    pub const INCLUDE: &str = "include";
    /// Whether the journal goes there.
    pub const JOURNAL: &str = "journal";
    /// Bytes of the journal that wait.
    pub const JOURNAL_MAX: &str = "journal_max";
    /// Of usb: the volume's label or UUID.
    pub const USB_VOLUME: &str = "usb_volume";
    /// Of aws-s3: the bucket, which must be there.
    pub const S3_BUCKET: &str = "aws_s3_bucket";
    /// The region; us-east-1 unless said.
    pub const S3_REGION: &str = "aws_s3_region";
    /// Another server than Amazon's: HOST or HOST:PORT.
    pub const S3_ENDPOINT: &str = "aws_s3_endpoint";
    /// Name the bucket in paths, not in the host.
    pub const S3_PATH_STYLE: &str = "aws_s3_force_path_style";
    /// Speak without TLS.
    pub const S3_DISABLE_TLS: &str = "aws_s3_disable_tls";
    /// Let the server encrypt by its KMS, too.
    pub const S3_ENABLE_KMS: &str = "aws_s3_enable_kms";
    /// With which key of it.
    pub const S3_KMS_KEY: &str = "aws_s3_kms_key";
    /// Let the server encrypt, too.
    pub const S3_ENCRYPTION: &str = "aws_s3_server_side_encryption";
    /// Who asks; AWS_ACCESS_KEY_ID unless said.
    pub const S3_KEY_ID: &str = "aws_access_key_id";
    /// The key; in the configuration also env://, file:// or systemd:// of it.
    pub const S3_SECRET: &str = "aws_secret_access_key";
    /// The token of a session, in the same way.
    pub const S3_SESSION: &str = "aws_session_token";
    /// Of sftp: the host, or what the SSH client calls it.
    pub const SFTP_HOST: &str = "sftp_host";
    /// Its port; what the client's configuration says, or 22.
    pub const SFTP_PORT: &str = "sftp_port";
    /// Who logs in; the user of the server unless said.
    pub const SFTP_USERNAME: &str = "sftp_username";
    /// The folder there, which must be there.
    pub const SFTP_PATH: &str = "sftp_path";
    /// The file of the private key.
    pub const SFTP_IDENTITY: &str = "sftp_identity_file";
    /// The file of the host keys that are known.
    pub const SFTP_KNOWN_HOSTS: &str = "sftp_known_hosts";
    /// Of http: the WebDAV folder's URL.
    pub const HTTP_URL: &str = "http_url";
    /// Who logs in.
    pub const HTTP_USERNAME: &str = "http_username";
    /// The password; in the configuration also env://, file:// or systemd:// of it.
    pub const HTTP_PASSWORD: &str = "http_password";
    /// Speak without TLS where the URL says http://.
    pub const HTTP_ALLOW: &str = "http_allow_plain";
    /// A PEM file of authorities, not the system's.
    pub const CA_CERT: &str = "ca_cert";
    /// Believe any certificate.
    pub const TLS_SKIP_VERIFY: &str = "tls_skip_verify";
}

/// What is Vault's own prefix, and ours.
pub const FILE_PREFIX: &str = "vault-snapshot";
/// So long, or as long as `keep_within`, one can go back to what a restore has left.
const OTHERS: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The least that may wait of a journal.
pub const LEAST_JOURNAL: u64 = 1 << 20;

/// Fields that are never shown again.
const SECRETS: &[&str] =
    &[field::S3_KEY_ID, field::S3_SECRET, field::S3_SESSION, field::HTTP_PASSWORD];

/// Fields that tell to whom those are sent, and who hears them on the way.
const RECEIVERS: &[&str] = &[
    field::S3_BUCKET,
    field::S3_REGION,
    field::S3_ENDPOINT,
    field::S3_PATH_STYLE,
    field::S3_DISABLE_TLS,
    field::HTTP_URL,
    field::HTTP_ALLOW,
    field::CA_CERT,
    field::TLS_SKIP_VERIFY,
];

/// Whether what is given in a field is never shown again.
pub fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

impl Fields {
    /// Sets a field.
    pub fn set(&mut self, name: &str, value: Given) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes a field away.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// What was given, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Given)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// These, and of `before` what is not among them. Credentials that were given for one receiver
    /// are not sent to another one: who moves a target gives them anew.
    pub fn over(mut self, before: &Self) -> Result<Self, Wrong> {
        let missing = |name: &&&str| before.text(name).is_some() && !self.0.contains_key(**name);
        let missing: Vec<&str> = SECRETS.iter().filter(missing).copied().collect();
        for (name, value) in &before.0 {
            self.0.entry(name.clone()).or_insert_with(|| value.clone());
        }
        match RECEIVERS.iter().find(|name| self.said(name) != before.said(name)) {
            Some(name) if !missing.is_empty() => Err(Wrong(format!(
                "{name} is another than the credentials were given for: give {} anew (or empty)",
                missing.join(", ")
            ))),
            _ => Ok(self),
        }
    }

    /// The secrets of which only the place was given. Who sets a target through the API may name
    /// none; a version before let him.
    pub fn places(&self) -> Vec<&'static str> {
        let is_place = |name: &&&str| self.text(name).is_some_and(Credential::is_place);
        SECRETS.iter().filter(is_place).copied().collect()
    }

    /// The secrets, by their places or as they are.
    pub fn credentials(&self) -> impl Iterator<Item = Credential> {
        SECRETS.iter().filter_map(|name| Credential::parse(self.text(name)?).ok())
    }

    /// What was given in a field, unless that says as much as nothing.
    fn said(&self, name: &str) -> Option<&Given> {
        let says = |given: &&Given| match given {
            Given::Text(text) => !text.is_empty(),
            Given::Flag(flag) => *flag,
            Given::Number(_) | Given::Seconds(_) => true,
        };
        self.0.get(name).filter(says)
    }

    /// A text; `None` where there is none or an empty one.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Given::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A text that must be there.
    pub fn need(&self, name: &str, kind: &str) -> Result<&str, Wrong> {
        let missing = || Wrong(format!("{name} is required for storage_type={kind}"));
        self.text(name).ok_or_else(missing)
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.0.get(name) {
            Some(Given::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// A duration.
    pub fn span(&self, name: &str) -> Option<Duration> {
        match self.0.get(name) {
            Some(Given::Seconds(seconds)) => Some(Duration::from_secs(*seconds)),
            _ => None,
        }
    }

    /// A truth; false where nothing was given.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Given::Flag(true)))
    }
}

impl Settings {
    /// Makes them of what was given.
    pub fn read(given: Fields, by: Giver) -> Result<Self, Wrong> {
        let has_nul = |value: &Given| matches!(value, Given::Text(text) if text.contains('\0'));
        if let Some((name, _)) = given.iter().find(|(_, value)| has_nul(value)) {
            return Err(Wrong(format!("{name} must not have a NUL in it")));
        }
        let place = Place::read(&given, by)?;
        let interval = given.span(field::INTERVAL);
        let interval = interval.ok_or_else(|| Wrong("interval is required".into()))?;
        let journal = given.flag(field::JOURNAL);
        if interval.is_zero() && !journal {
            return Err(Wrong("interval must be above zero".into()));
        }
        let file_prefix = given.text(field::FILE_PREFIX).unwrap_or(FILE_PREFIX).to_owned();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_+".contains(c);
        if file_prefix.len() > 64 || !file_prefix.chars().all(fits) {
            let text = "file_prefix must be at most 64 letters, digits, - _ and +";
            return Err(Wrong(text.into()));
        }
        let journal_max = given.number(field::JOURNAL_MAX).unwrap_or(DEFAULT_LIMIT);
        if journal_max < LEAST_JOURNAL {
            return Err(Wrong(format!("journal_max must be at least {LEAST_JOURNAL} bytes")));
        }
        Ok(Self {
            place,
            interval,
            policy: policy(&given, interval)?,
            file_prefix,
            max_space: given.number(field::LOCAL_MAX_SPACE).filter(|bytes| *bytes > 0),
            verify_after: given.span(field::VERIFY_AFTER).filter(|span| !span.is_zero()),
            journal,
            journal_max,
            include: Vec::new(),
            given,
        })
    }

    /// Refuses a folder that is in that of the store by its path: what befalls the one befalls the
    /// other. Where the path really leads, the target's own thread finds out, as that may hang.
    pub fn must_be_outside(&self, store: &Path) -> Result<(), Wrong> {
        let store = path::absolute(store).unwrap_or_else(|_| store.to_owned());
        match self.place.told_by_mark() {
            Some(path) if path.starts_with(&store) => Err(Wrong::is_in(&store)),
            _ => Ok(()),
        }
    }

    /// Refuses what is by its settings the place of another target; as above.
    pub fn must_be_beside<'a>(
        &self,
        others: impl IntoIterator<Item = (&'a str, &'a Self)>,
    ) -> Result<(), Wrong> {
        let there = others.into_iter().filter(|(_, other)| self.place.is_same(&other.place));
        self.must_share_nothing(there)
    }

    /// Refuses one of several targets in one place whose snapshots another one would drop as its
    /// own. Files of another prefix are none of its own, but a journal has no prefix.
    pub fn must_share_nothing<'a>(
        &self,
        there: impl IntoIterator<Item = (&'a str, &'a Self)>,
    ) -> Result<(), Wrong> {
        let shares =
            |other: &Self| self.journal || other.journal || self.file_prefix == other.file_prefix;
        match there.into_iter().find(|(_, other)| shares(other)) {
            None => Ok(()),
            Some((name, _)) => {
                let what = if self.place.is_lent() { "volume" } else { "path_prefix" };
                Err(Wrong(format!(
                    "it is the place of target {name} too, and each would drop what the other \
                     keeps: give each a {what} of its own"
                )))
            }
        }
    }
}

/// What is kept by the fields that say so, and nothing else.
pub fn kept(given: &Fields) -> Policy {
    let count = |name| given.number(name).unwrap_or(0);
    Policy {
        last: count(field::KEEP_LAST),
        hourly: count(field::KEEP_HOURLY),
        daily: count(field::KEEP_DAILY),
        weekly: count(field::KEEP_WEEKLY),
        monthly: count(field::KEEP_MONTHLY),
        within: given.span(field::KEEP_WITHIN).unwrap_or_default(),
        others: Duration::ZERO,
    }
}

/// `retain` is Vault's word for the newest ones; it is 1 where nothing else is said.
fn policy(given: &Fields, interval: Duration) -> Result<Policy, Wrong> {
    let mut policy = kept(given);
    match given.number(field::RETAIN) {
        Some(0) => return Err(Wrong("retain must be at least 1".into())),
        Some(retain) => policy.last = policy.last.max(retain),
        None if policy.is_empty() => policy.last = 1,
        None => {}
    }
    // Where there is no journal a history may have gone on for an interval behind its snapshot.
    policy.others = policy.within.max(OTHERS).saturating_add(interval);
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(more: &[(&str, Given)]) -> Fields {
        let mut fields = Fields::default();
        fields.set(field::STORAGE_TYPE, Given::Text("file".into()));
        fields.set(field::PATH_PREFIX, Given::Text("/mnt/backup".into()));
        for (name, value) in more {
            fields.set(name, value.clone());
        }
        fields
    }

    fn read(more: &[(&str, Given)]) -> Result<Settings, String> {
        Settings::read(fields(more), Giver::Configuration).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn what_is_not_said_is_as_in_vault() {
        let hourly = (field::INTERVAL, Given::Seconds(3600));
        let settings = read(std::slice::from_ref(&hourly)).unwrap();
        let others = OTHERS + Duration::from_secs(3600);
        assert_eq!(settings.policy, Policy { last: 1, others, ..Policy::default() });
        assert_eq!(settings.file_prefix, "vault-snapshot");
        let daily = read(&[hourly.clone(), (field::KEEP_DAILY, Given::Number(7))]).unwrap();
        assert_eq!(daily.policy, Policy { daily: 7, others, ..Policy::default() });
        assert_eq!(read(&[]).unwrap_err(), "interval is required");
        let zero = (field::INTERVAL, Given::Seconds(0));
        assert_eq!(read(std::slice::from_ref(&zero)).unwrap_err(), "interval must be above zero");
        assert!(read(&[zero, (field::JOURNAL, Given::Flag(true))]).is_ok());
        assert!(read(&[hourly.clone(), (field::RETAIN, Given::Number(0))]).is_err());
        assert!(read(&[hourly, (field::FILE_PREFIX, Given::Text("a/b".into()))]).is_err());
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let before = fields(&[(field::RETAIN, Given::Number(7))]);
        let mut change = Fields::default();
        change.set(field::INTERVAL, Given::Seconds(60));
        let after = change.over(&before).unwrap();
        assert_eq!(after.number(field::RETAIN), Some(7));
        assert_eq!(after.span(field::INTERVAL), Some(Duration::from_secs(60)));
        assert_eq!(Fields::decode(&after.encode()).unwrap(), after);
        assert!(!format!("{after:?}").contains("backup"));
    }
}
