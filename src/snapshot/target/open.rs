//! From settings to a target: each kind of place, with what it needs.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::folder::Folder;
use super::http::{HttpSettings, HttpTarget};
use super::remote::Means;
use super::s3::{S3Settings, S3Target};
use super::sftp::{SftpSettings, SftpTarget};
use super::usb::{Places, Usb, Volume};
use super::{Name, Target};
use crate::base::credential::Credential;
use crate::client::SettingsError;
use crate::snapshot::keeper::settings::{Fields, Giver, Wrong, field};

/// A place, and how it is reached.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A stick.
    Usb(Volume),
    /// A bucket, and what names in it begin with.
    S3(Box<S3Settings>, String),
    /// A folder on a host that SSH reaches, and what names in it begin with.
    Sftp(Box<SftpSettings>, String),
    /// A WebDAV server's folder, and what names in it begin with.
    Http(Box<HttpSettings>, String),
}

/// The kinds, by the words that name them: Vault's, and ours beside it.
const KINDS: &[(&str, Kind)] = &[
    ("local", Kind::Local),
    ("file", Kind::File),
    ("usb", Kind::Usb),
    ("aws-s3", Kind::S3),
    ("s3", Kind::S3),
    ("sftp", Kind::Sftp),
    ("http", Kind::Http),
];

/// The fields that are of some kinds alone, by how their names begin, and of which.
const OWN: &[(&str, &[Kind])] = &[
    ("aws_", &[Kind::S3]),
    ("sftp_", &[Kind::Sftp]),
    ("http_", &[Kind::Http]),
    ("usb_", &[Kind::Usb]),
    (field::CA_CERT, &[Kind::S3, Kind::Http]),
    (field::TLS_SKIP_VERIFY, &[Kind::S3, Kind::Http]),
    (field::PATH_PREFIX, &[Kind::Local, Kind::File, Kind::S3, Kind::Sftp, Kind::Http]),
];

/// Why a kind of Vault's is not there.
const REFUSED: &[(&str, &str)] = &[
    ("azure-blob", "reach it through a gateway that speaks S3 or WebDAV"),
    ("google-gcs", "it speaks S3: use aws-s3 with aws_s3_endpoint storage.googleapis.com"),
];

/// Where there is the system, and no disk.
pub const SYSTEMS: [&str; 3] = ["/proc", "/sys", "/dev"];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Vault's, which wants a bound of the space.
    Local,
    File,
    Usb,
    S3,
    Sftp,
    Http,
}

/// The kinds of places that have a field, where the one that `word` names has not.
pub fn kinds_of_other(name: &str, word: &str) -> Option<String> {
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == word)?;
    let (_, has) = OWN.iter().find(|(start, _)| name.starts_with(start))?;
    let others = KINDS.iter().filter(|(_, other)| has.contains(other)).map(|(word, _)| *word);
    (!has.contains(kind)).then(|| others.collect::<Vec<_>>().join(", "))
}

impl Place {
    /// Reads what was given of the place.
    pub fn read(given: &Fields, by: Giver) -> Result<Self, Wrong> {
        let Some(word) = given.text(field::STORAGE_TYPE) else {
            return Err(Wrong("storage_type is required".into()));
        };
        if let Some((_, instead)) = REFUSED.iter().find(|(name, _)| *name == word) {
            return Err(Wrong(format!("storage_type {word} is not supported: {instead}")));
        }
        let kind = KINDS.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind);
        let Some(kind) = kind else {
            let known: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
            return Err(Wrong(format!("storage_type must be one of {}", known.join(", "))));
        };
        let place = match kind {
            Kind::Local | Kind::File => {
                let path = folder(given.need(field::PATH_PREFIX, word)?)?;
                if matches!(kind, Kind::Local) && given.number(field::LOCAL_MAX_SPACE).is_none() {
                    let text = "local_max_space is required for storage_type=local";
                    return Err(Wrong(text.into()));
                }
                Self::Folder(path)
            }
            Kind::Usb => {
                let volume = Volume::parse(given.need(field::USB_VOLUME, word)?);
                Self::Usb(volume.ok_or_else(|| {
                    Wrong(
                        "usb_volume must be a volume's label or UUID of letters, digits, . - _"
                            .into(),
                    )
                })?)
            }
            Kind::S3 => Self::S3(Box::new(s3(given, word, by)?), prefix(given)?),
            Kind::Sftp => Self::Sftp(Box::new(sftp(given, word)?), prefix(given)?),
            Kind::Http => Self::Http(Box::new(http(given, word, by)?), prefix(given)?),
        };
        place.open().map_err(|SettingsError(what)| Wrong(what))?;
        Ok(place)
    }

    /// The target; nobody is asked yet.
    pub fn open(&self) -> Result<Arc<dyn Target>, SettingsError> {
        Ok(match self {
            Self::Folder(path) => Arc::new(Folder::new(path)),
            Self::Usb(volume) => Arc::new(Usb::new(volume.clone(), Places::default())),
            Self::S3(settings, _) => Arc::new(S3Target::new((**settings).clone(), Means::usual())?),
            Self::Sftp(settings, _) => {
                Arc::new(SftpTarget::new((**settings).clone(), Means::usual())?)
            }
            Self::Http(settings, _) => {
                Arc::new(HttpTarget::new((**settings).clone(), Means::usual())?)
            }
        })
    }

    /// The same for the server that keeps snapshots there: to it a folder must show its mark, and
    /// for it a stick is asked for as long as this lives. `name` is what the server calls it.
    pub fn keep(&self, name: &str) -> Result<Arc<dyn Target>, SettingsError> {
        match self {
            Self::Folder(path) => Ok(Arc::new(Folder::marked(path, name))),
            Self::Usb(volume) => Ok(Arc::new(Usb::kept(volume.clone(), Places::default()))),
            _ => self.open(),
        }
    }

    /// The path of a place of which nothing else is known: whether it is still the same place, its
    /// mark must tell.
    pub fn told_by_mark(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) => Some(path),
            _ => None,
        }
    }

    /// What the names of all objects begin with.
    pub fn prefix(&self) -> &str {
        match self {
            Self::Folder(_) | Self::Usb(_) => "",
            Self::S3(_, prefix) | Self::Sftp(_, prefix) | Self::Http(_, prefix) => prefix,
        }
    }

    /// Whether what is put into the one lies in the other too, by what was given: nobody is asked,
    /// and no link followed. Users and credentials do not count, as many lead to one place; but in
    /// whose home a folder is.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(one), Self::Folder(other)) => one == other,
            (Self::Usb(one), Self::Usb(other)) => one == other,
            (Self::S3(one, prefix), Self::S3(other, others)) => {
                one.place() == other.place() && prefix == others
            }
            (Self::Sftp(one, prefix), Self::Sftp(other, others)) => {
                let host =
                    |of: &SftpSettings| (of.host.to_ascii_lowercase(), of.port.unwrap_or(22));
                let folder =
                    |of: &SftpSettings, prefix: &str| Path::new(".").join(&of.path).join(prefix);
                host(one) == host(other)
                    && !are_of_two_homes(one, other)
                    && folder(one, prefix) == folder(other, others)
            }
            (Self::Http(one, prefix), Self::Http(other, others)) => {
                joined(&spelled(&one.url), prefix) == joined(&spelled(&other.url), others)
            }
            _ => false,
        }
    }

    /// The file of the authorities that vouch for its host, where it has one of its own.
    pub fn ca_cert(&self) -> Option<&Path> {
        match self {
            Self::S3(settings, _) => settings.ca_cert.as_deref(),
            Self::Http(settings, _) => settings.ca_cert.as_deref(),
            Self::Folder(_) | Self::Usb(_) | Self::Sftp(..) => None,
        }
    }

    /// Whether it costs nothing to look whether it is there.
    pub fn is_near(&self) -> bool {
        matches!(self, Self::Folder(_) | Self::Usb(_))
    }

    /// Whether it is let go when nothing is owed to it, to be pulled.
    pub fn is_lent(&self) -> bool {
        matches!(self, Self::Usb(_))
    }
}

/// Whether two folders are in the homes of two users. Where nobody is named it is not known who
/// logs in.
fn are_of_two_homes(one: &SftpSettings, other: &SftpSettings) -> bool {
    let users = one.username.as_ref().zip(other.username.as_ref());
    !one.path.starts_with('/') && users.is_some_and(|(one, other)| one != other)
}

/// A URL with its host in one form.
fn spelled(url: &str) -> String {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    let at = url[..end].to_ascii_lowercase();
    let usual = if at.starts_with("https:") { ":443" } else { ":80" };
    format!("{}{}", at.strip_suffix(usual).unwrap_or(&at), &url[end..])
}

/// A folder, and what names in it begin with, in one form.
fn joined(folder: &str, prefix: &str) -> String {
    format!("{}/{prefix}", folder.trim_end_matches('/')).trim_end_matches('/').to_owned()
}

/// A folder of this machine.
fn folder(text: &str) -> Result<PathBuf, Wrong> {
    let path = PathBuf::from(text);
    if !path.is_absolute() {
        return Err(Wrong("path_prefix must be a whole path, from / on".into()));
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(Wrong("path_prefix must be without ..".into()));
    }
    match SYSTEMS.iter().find(|place| path.starts_with(place)) {
        Some(place) => {
            Err(Wrong(format!("path_prefix must not be in {place}: nothing lasts there")))
        }
        None => Ok(path),
    }
}

fn prefix(given: &Fields) -> Result<String, Wrong> {
    let prefix = given.text(field::PATH_PREFIX).unwrap_or_default().trim_matches('/');
    if prefix.is_empty() || Name::parse(prefix).is_some() {
        return Ok(prefix.to_owned());
    }
    let text = "path_prefix must be names of letters, digits, . - _ and +, with / between them, \
                which neither begin nor end with a dot";
    Err(Wrong(text.into()))
}

fn s3(given: &Fields, word: &str, by: Giver) -> Result<S3Settings, Wrong> {
    let text = |name| given.text(name).map(str::to_owned);
    Ok(S3Settings {
        bucket: given.need(field::S3_BUCKET, word)?.to_owned(),
        region: text(field::S3_REGION),
        endpoint: text(field::S3_ENDPOINT),
        force_path_style: given.flag(field::S3_PATH_STYLE),
        disable_tls: given.flag(field::S3_DISABLE_TLS),
        enable_kms: given.flag(field::S3_ENABLE_KMS),
        kms_key: text(field::S3_KMS_KEY),
        server_side_encryption: given.flag(field::S3_ENCRYPTION),
        access_key_id: credential(given, field::S3_KEY_ID, by)?,
        secret_access_key: credential(given, field::S3_SECRET, by)?,
        session_token: credential(given, field::S3_SESSION, by)?,
        ca_cert: given.text(field::CA_CERT).map(PathBuf::from),
        tls_skip_verify: given.flag(field::TLS_SKIP_VERIFY),
    })
}

fn sftp(given: &Fields, word: &str) -> Result<SftpSettings, Wrong> {
    let text = |name| given.text(name).map(str::to_owned);
    let port = given.number(field::SFTP_PORT).map(u16::try_from).transpose();
    Ok(SftpSettings {
        host: given.need(field::SFTP_HOST, word)?.to_owned(),
        port: port.map_err(|_| Wrong("sftp_port must be at most 65535".into()))?,
        username: text(field::SFTP_USERNAME),
        path: given.need(field::SFTP_PATH, word)?.to_owned(),
        identity_file: text(field::SFTP_IDENTITY).map(PathBuf::from),
        known_hosts: text(field::SFTP_KNOWN_HOSTS).map(PathBuf::from),
        program: None,
    })
}

fn http(given: &Fields, word: &str, by: Giver) -> Result<HttpSettings, Wrong> {
    Ok(HttpSettings {
        url: given.need(field::HTTP_URL, word)?.to_owned(),
        username: given.text(field::HTTP_USERNAME).map(str::to_owned),
        password: credential(given, field::HTTP_PASSWORD, by)?,
        ca_cert: given.text(field::CA_CERT).map(PathBuf::from),
        tls_skip_verify: given.flag(field::TLS_SKIP_VERIFY),
        allow_http: given.flag(field::HTTP_ALLOW),
    })
}

fn credential(given: &Fields, name: &str, by: Giver) -> Result<Option<Credential>, Wrong> {
    let parse = match by {
        Giver::Configuration => Credential::parse,
        Giver::Api => Credential::sent,
    };
    let read = given.text(name).map(parse).transpose();
    read.map_err(|error| Wrong(format!("{name}: {error}")))
}
