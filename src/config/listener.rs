//! `listener "tcp"` and `listener "unix"`.

use std::path::PathBuf;
use std::time::Duration;

use super::keys::{LISTENER_TCP, LISTENER_UNIX};
use super::section::{Entry, Section};
use super::{ConfigError, Environment, Warning};

const PORT: u16 = 8200;

/// Where requests are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The port or socket.
    pub place: Place,
    /// What a peer may take up.
    pub bounds: Bounds,
}

/// A port or a socket in the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `listener "tcp"`.
    Tcp {
        /// Host, or address in brackets for IPv6, and port.
        address: String,
        /// How it speaks TLS; `None` for plain HTTP.
        tls: Option<Tls>,
    },
    /// `listener "unix"`.
    Unix {
        /// The socket's path.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Its owner, by name or number.
        user: Option<String>,
        /// Its group, by name or number.
        group: Option<String>,
    },
}

/// The TLS of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Certificate chain and private key; `None` for one that the server makes itself.
    pub files: Option<CertificateFiles>,
    /// The lowest version that is spoken.
    pub min: TlsVersion,
    /// The highest version that is spoken.
    pub max: TlsVersion,
    /// IANA names of the suites of TLS 1.2 that are offered; empty for all good ones.
    pub cipher_suites: Vec<String>,
    /// Whether peers show a certificate.
    pub clients: ClientCertificates,
}

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// What a peer is asked to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Nothing.
    Never,
    /// A certificate if it has one; who issued it is for the auth method to judge.
    Asked,
    /// A certificate that this file of authorities vouches for.
    Required(PathBuf),
}

/// What one peer of a listener may take up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a request's body.
    pub request_bytes: u64,
    /// How long a request may run.
    pub request: Duration,
    /// How long a request's head may take.
    pub head: Duration,
    /// How long a body may make no progress.
    pub read: Duration,
    /// How long an answer may make no progress.
    pub write: Duration,
    /// How long a connection may rest between two requests.
    pub idle: Duration,
}

/// Reads one `listener` block.
pub(super) fn read<'a>(
    entry: Entry<'a>,
    environment: &'a Environment<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<Listener, ConfigError> {
    let table = match entry.label()? {
        Some("tcp") => &LISTENER_TCP,
        Some("unix") => &LISTENER_UNIX,
        Some(other) => {
            return Err(entry.error(
                format!("there is no listener {other:?}"),
                "write listener \"tcp\" or listener \"unix\"",
            ));
        }
        None => {
            return Err(entry.error(
                "a listener without its kind",
                "write listener \"tcp\" { ... } or listener \"unix\" { ... }",
            ));
        }
    };
    let section = Section::new(table, entry.block()?, environment, warnings);
    let place = match entry.label()? {
        Some("unix") => unix(&entry, &section)?,
        _ => tcp(&entry, &section)?,
    };
    let bounds = Bounds {
        request_bytes: section.bytes("max_request_size")?,
        request: section.time_limit("max_request_duration")?,
        head: section.time_limit("http_read_header_timeout")?,
        read: section.time_limit("http_read_timeout")?,
        write: section.time_limit("http_write_timeout")?,
        idle: section.time_limit("http_idle_timeout")?,
    };
    Ok(Listener { place, bounds })
}

fn unix(entry: &Entry<'_>, section: &Section<'_>) -> Result<Place, ConfigError> {
    let Some(path) = section.path("address")? else {
        return Err(entry.error(
            "a unix listener without a path",
            "add address = \"/run/edgekeep/edgekeep.sock\"",
        ));
    };
    Ok(Place::Unix {
        path,
        mode: section.mode("socket_mode")?,
        user: section.text("socket_user")?,
        group: section.text("socket_group")?,
    })
}

fn tcp(entry: &Entry<'_>, section: &Section<'_>) -> Result<Place, ConfigError> {
    let given = section.text("address")?.unwrap_or_default();
    let Some(address) = with_port(&given) else {
        return Err(section.last("address").unwrap_or(*entry).error(
            format!("{given:?} is no address"),
            "write a host or IP address and a port, such as \"0.0.0.0:8200\" or \"[::]:8200\"",
        ));
    };
    if section.flag("tls_disable")? {
        return Ok(Place::Tcp { address, tls: None });
    }
    let files = match (section.path("tls_cert_file")?, section.path("tls_key_file")?) {
        (Some(certificate), Some(key)) => Some(CertificateFiles { certificate, key }),
        (None, None) => None,
        (certificate, _) => {
            let (there, missing) = match certificate {
                Some(_) => ("tls_cert_file", "tls_key_file"),
                None => ("tls_key_file", "tls_cert_file"),
            };
            return Err(section.last(there).unwrap_or(*entry).error(
                format!("{there} without {missing}"),
                "name both, or neither: then a certificate is made",
            ));
        }
    };
    let version = |name| {
        Ok::<_, ConfigError>(match section.word(name)?.as_str() {
            "tls12" => TlsVersion::Tls12,
            _ => TlsVersion::Tls13,
        })
    };
    let (min, max) = (version("tls_min_version")?, version("tls_max_version")?);
    if min > max {
        return Err(section
            .last("tls_max_version")
            .unwrap_or(*entry)
            .error("tls_max_version is below tls_min_version", "raise it or leave it out"));
    }
    let cipher_suites = section.list("tls_cipher_suites")?;
    let clients = client_certificates(entry, section)?;
    Ok(Place::Tcp { address, tls: Some(Tls { files, min, max, cipher_suites, clients }) })
}

fn client_certificates(
    entry: &Entry<'_>,
    section: &Section<'_>,
) -> Result<ClientCertificates, ConfigError> {
    const REQUIRE: &str = "tls_require_and_verify_client_cert";
    let required = section.flag(REQUIRE)?;
    let disabled = section.flag("tls_disable_client_certs")?;
    let here = section.last(REQUIRE).unwrap_or(*entry);
    match (required, disabled, section.path("tls_client_ca_file")?) {
        (true, true, _) => Err(here.error(
            "client certificates are both required and disabled",
            format!("keep one of {REQUIRE} and tls_disable_client_certs"),
        )),
        (true, false, None) => Err(here.error(
            "client certificates are required, but not who may vouch for them",
            "name the authorities in tls_client_ca_file",
        )),
        (true, false, Some(authorities)) => Ok(ClientCertificates::Required(authorities)),
        (false, true, _) => Ok(ClientCertificates::Never),
        (false, false, _) => Ok(ClientCertificates::Asked),
    }
}

/// Host and port; `None` for what is no address.
fn with_port(given: &str) -> Option<String> {
    if given.chars().any(|c| c.is_whitespace() || matches!(c, '{' | '}' | '/')) {
        return None;
    }
    if given.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some(format!("[{given}]:{PORT}"));
    }
    let host_and_port = match given.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => {
            port.parse::<u16>().ok()?;
            given.to_owned()
        }
        _ => format!("{given}:{PORT}"),
    };
    match host_and_port.strip_prefix(':') {
        Some(port) => Some(format!("0.0.0.0:{port}")),
        None => Some(host_and_port),
    }
}
