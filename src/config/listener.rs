//! `listener "tcp"` and `listener "unix"`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::keys::{LISTENER_TCP, LISTENER_UNIX, REFERENCE};
use super::place::Placed;
use super::section::{Entry, Section};
use super::telemetry;
use super::{ConfigError, Environment, Warning};
use crate::server::gate::listener::Address;
use crate::server::limits::Limits;
use crate::server::rules::{HeaderError, ResponseHeaders, Rules, Statuses};
use crate::server::tls::{
    CipherSuite, ClientCerts, TlsError, TlsSettings, TlsVersion, parse_cipher_suites,
};

const PORT: u16 = 8200;
const OLD_VERSIONS: &[&str] = &["tls10", "tls11"];

/// Where requests are taken.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The port or socket.
    pub address: Placed<Address>,
    /// How it speaks TLS; `None` for plain HTTP and on a unix socket.
    pub tls: Option<Tls>,
    /// What it asks of requests and adds to answers.
    pub rules: Rules,
    pub(super) bounds: Bounds,
}

/// The TLS of a listener.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Certificate and key; `None` for what the server makes itself.
    pub files: Option<NamedFiles>,
    pub(super) client_ca_file: Option<Placed<PathBuf>>,
    pub(super) client_certs: ClientCerts,
    min_version: TlsVersion,
    max_version: TlsVersion,
    cipher_suites: Vec<CipherSuite>,
}

impl Tls {
    /// The file of the authorities that vouch for clients.
    pub fn client_authorities(&self) -> Option<&Path> {
        self.client_ca_file.as_deref().map(PathBuf::as_path)
    }

    /// What the front needs; `made` is the certificate for a listener that names none.
    pub fn settings(&self, made: CertificateFiles) -> TlsSettings {
        let CertificateFiles { certificate, key } =
            self.files.as_ref().map_or(made, NamedFiles::paths);
        TlsSettings {
            cert_file: certificate,
            key_file: key,
            client_ca_file: self.client_ca_file.as_deref().cloned(),
            client_certs: self.client_certs,
            min_version: self.min_version,
            max_version: self.max_version,
            cipher_suites: self.cipher_suites.clone(),
        }
    }
}

/// Files in PEM.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Those that a listener names.
#[derive(Clone, Debug)]
pub struct NamedFiles {
    /// The chain, the server's own certificate first.
    pub certificate: Placed<PathBuf>,
    /// The private key.
    pub key: Placed<PathBuf>,
}

impl NamedFiles {
    /// Without where they were named.
    pub fn paths(&self) -> CertificateFiles {
        let Self { certificate, key } = self;
        CertificateFiles { certificate: PathBuf::clone(certificate), key: PathBuf::clone(key) }
    }
}

/// What one peer of a listener may take up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Bytes of a request's body.
    pub body_bytes: u64,
    /// How long a request's head may take.
    pub head: Duration,
    /// How long a body may make no progress.
    pub read_stall: Duration,
    /// How long an answer may make no progress.
    pub write_stall: Duration,
    /// How long a connection may rest between two requests.
    pub idle: Duration,
}

impl Bounds {
    /// The more generous of each.
    pub fn or(&self, other: &Self) -> Self {
        Self {
            body_bytes: self.body_bytes.max(other.body_bytes),
            head: self.head.max(other.head),
            read_stall: self.read_stall.max(other.read_stall),
            write_stall: self.write_stall.max(other.write_stall),
            idle: self.idle.max(other.idle),
        }
    }
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
    let (address, tls) = match entry.label()? {
        Some("unix") => (unix(&entry, &section)?, None),
        _ => tcp(&entry, &section, warnings)?,
    };
    let place = section.last("address").unwrap_or(entry).place();
    let address = Placed::new(address, "address", place);
    let bounds = Bounds {
        body_bytes: body_bytes(&entry, &section)?,
        head: section.time_limit("http_read_header_timeout")?,
        read_stall: section.time_limit("http_read_timeout")?,
        write_stall: section.time_limit("http_write_timeout")?,
        idle: section.time_limit("http_idle_timeout")?,
    };
    let require_request_header = section.flag("require_request_header")?;
    let tells_metrics = telemetry::is_open(&section, environment, warnings)?;
    let headers = headers(&section, warnings)?;
    let rules = Rules { require_request_header, headers, tells_metrics };
    Ok(Listener { address, tls, rules, bounds })
}

/// `custom_response_headers`.
fn headers(
    section: &Section<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<ResponseHeaders, ConfigError> {
    let mut headers = ResponseHeaders::default();
    for entry in section.all("custom_response_headers") {
        for group in entry.block()? {
            let text = &group.item.key.text;
            let statuses = Statuses::parse(text).ok_or_else(|| {
                group.error(format!("{text:?} is no status"), "write default, 2xx, or 404")
            })?;
            for header in group.block()? {
                let name = &header.item.key.text;
                let value = header.texts().ok_or_else(|| {
                    let example = format!("write {name:?} = [\"value\"]");
                    header.error(format!("the values of {name} are no list of texts"), example)
                })?;
                let values = value.iter().map(|value| value.trim()).filter(|v| !v.is_empty());
                let value = values.collect::<Vec<_>>().join("; ");
                match headers.add(statuses, name, &value) {
                    Ok(()) => {}
                    Err(HeaderError::Vault) => warnings.push(
                        header.warning(format!("{name} is not heeded: such names are Vault's own")),
                    ),
                    Err(HeaderError::Own) => {
                        let what = format!("{name} is the server's own to say");
                        return Err(header.error(what, "leave it out"));
                    }
                    Err(HeaderError::Malformed) => {
                        let what = format!("{name:?} cannot be sent with that value");
                        return Err(header.error(what, "write names and values of HTTP, in ASCII"));
                    }
                }
            }
        }
    }
    Ok(headers)
}

/// The store takes no more, and a snapshot that is restored has no bound anyway.
fn body_bytes(entry: &Entry<'_>, section: &Section<'_>) -> Result<u64, ConfigError> {
    let most = Limits::default().body_bytes;
    let given = section.bytes("max_request_size")?;
    if given > most {
        return Err(section.last("max_request_size").unwrap_or(*entry).error(
            format!("max_request_size is {given} bytes, more than the store takes"),
            format!("set it to at most {most} (\"32MiB\"), or leave it out"),
        ));
    }
    Ok(given)
}

fn unix(entry: &Entry<'_>, section: &Section<'_>) -> Result<Address, ConfigError> {
    let Some(path) = section.path("address")? else {
        return Err(entry.error(
            "a unix listener without a path",
            "add address = \"/run/edgekeep/edgekeep.sock\"",
        ));
    };
    Ok(Address::Unix {
        path: PathBuf::clone(&path),
        mode: Some(section.mode("socket_mode")?),
        owner: section.account("socket_user", "/etc/passwd")?,
        group: section.account("socket_group", "/etc/group")?,
    })
}

fn tcp(
    entry: &Entry<'_>,
    section: &Section<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<(Address, Option<Tls>), ConfigError> {
    let given = section.text("address")?.unwrap_or_default();
    let Some(address) = with_port(&given) else {
        return Err(section.last("address").unwrap_or(*entry).error(
            format!("{given:?} is no address"),
            "write a host or IP address and a port, such as \"0.0.0.0:8200\" or \"[::]:8200\"",
        ));
    };
    if section.flag("tls_disable")? {
        return Ok((Address::Tcp(address), None));
    }
    let files = match (section.path("tls_cert_file")?, section.path("tls_key_file")?) {
        (Some(certificate), Some(key)) => Some(NamedFiles { certificate, key }),
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
    let given = |name, error: TlsError| {
        let here = section.last(name).unwrap_or(*entry);
        here.error(error.to_string(), format!("see {REFERENCE} for what it may be"))
    };
    let lowest = section.word("tls_min_version")?;
    let min_version =
        TlsVersion::parse_min(&lowest).map_err(|error| given("tls_min_version", error))?;
    if let Some(given) = section.last("tls_min_version")
        && OLD_VERSIONS.contains(&lowest.as_str())
    {
        let what =
            format!("tls_min_version {lowest:?} is taken for \"tls12\": none older is spoken");
        warnings.push(given.warning(what));
    }
    let max_version = TlsVersion::parse_max(&section.word("tls_max_version")?)
        .map_err(|error| given("tls_max_version", error))?;
    if min_version > max_version {
        return Err(section
            .last("tls_max_version")
            .unwrap_or(*entry)
            .error("tls_max_version is below tls_min_version", "raise it or leave it out"));
    }
    let suites = section.list("tls_cipher_suites")?.join(",");
    let cipher_suites =
        parse_cipher_suites(&suites).map_err(|error| given("tls_cipher_suites", error))?;
    let (client_certs, client_ca_file) = client_certificates(entry, section)?;
    let tls = Tls { files, client_ca_file, client_certs, min_version, max_version, cipher_suites };
    Ok((Address::Tcp(address), Some(tls)))
}

fn client_certificates(
    entry: &Entry<'_>,
    section: &Section<'_>,
) -> Result<(ClientCerts, Option<Placed<PathBuf>>), ConfigError> {
    const REQUIRE: &str = "tls_require_and_verify_client_cert";
    let required = section.flag(REQUIRE)?;
    let disabled = section.flag("tls_disable_client_certs")?;
    let authorities = section.path("tls_client_ca_file")?;
    let here = section.last(REQUIRE).unwrap_or(*entry);
    match (required, disabled) {
        (true, true) => Err(here.error(
            "client certificates are both required and disabled",
            format!("keep one of {REQUIRE} and tls_disable_client_certs"),
        )),
        (true, false) if authorities.is_none() => Err(here.error(
            "client certificates are required, but not who may vouch for them",
            "name the authorities in tls_client_ca_file",
        )),
        (true, false) => Ok((ClientCerts::Required, authorities)),
        (false, true) => Ok((ClientCerts::Off, authorities)),
        (false, false) => Ok((ClientCerts::Asked, authorities)),
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
