//! Why there is no answer, or none that helps; the text says what to do.

use std::io;

use serde_json::Value;

use super::address::Address;

/// Why a request gave nothing.
#[derive(Debug)]
pub enum Error {
    /// Nobody listens there.
    NoServer(Address),
    /// Somebody does, but no exchange came about: the text says why.
    Broken(String),
    /// The server answered with a 4xx or 5xx.
    Refused(Box<Refusal>),
}

/// A server's refusal.
pub struct Refusal {
    /// The verb of the request.
    pub method: &'static str,
    /// Its URL.
    pub url: String,
    /// HTTP status.
    pub status: u16,
    /// The texts of `{"errors": [...]}`; `None` where the body is not Vault's JSON.
    pub errors: Option<Vec<String>>,
    /// The body: the JSON, or its text.
    pub body: Value,
}

/// Without the body and its texts: they may hold a secret.
impl std::fmt::Debug for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.method, self.url, self.status)
    }
}

impl Error {
    /// The server's status, where it answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    pub(super) fn unreachable(address: &Address, proxy: Option<&str>, trouble: Trouble) -> Self {
        let text = match (trouble, proxy) {
            (Trouble::Plain(plain), _) => plain.told(address),
            (Trouble::Refused, None) => return Self::NoServer(address.clone()),
            (Trouble::Refused, Some(proxy)) => {
                format!("no proxy at {proxy}, through which {address} is reached: {SAID_BY}")
            }
            (Trouble::UnknownHost, Some(proxy)) => {
                format!("the host of the proxy {proxy} is not known: {SAID_BY}")
            }
            (Trouble::UnknownHost, None) => format!(
                "the host of {address} is not known: check the name in -address or VAULT_ADDR, and \
                 whether this machine asks a DNS server"
            ),
            (Trouble::Late, _) => format!(
                "{address} did not answer in time: is it overloaded? VAULT_CLIENT_TIMEOUT gives \
                 it longer"
            ),
            (Trouble::Tls(why), _) => tls_text(address, &why),
            (Trouble::Protocol(why), _) if !address.is_https() => format!(
                "{address} does not answer in HTTP ({why}): does it speak TLS? Then its address \
                 begins with https://"
            ),
            (Trouble::Protocol(why) | Trouble::Broken(why), _) => {
                format!("the exchange with {address} failed: {why}")
            }
        };
        Self::Broken(text)
    }
}

/// Why an exchange came to nothing, for whoever tells of it in words of their own.
#[derive(Debug)]
pub enum Trouble {
    /// Nobody listens there.
    Refused,
    /// The name of the host has no address.
    UnknownHost,
    /// It did not answer, or did not move, in time.
    Late,
    /// What answers speaks no TLS.
    Plain(PlainServer),
    /// TLS did not come about: why.
    Tls(String),
    /// What answers speaks no HTTP: why.
    Protocol(String),
    /// Anything else, most often a connection that ended early.
    Broken(String),
}

impl From<ureq::Error> for Trouble {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Other(other) => match other.downcast_ref::<PlainServer>() {
                Some(plain) => Self::Plain(*plain),
                None => Self::Broken(other.to_string()),
            },
            e if is_refusal(&e) => Self::Refused,
            ureq::Error::HostNotFound => Self::UnknownHost,
            ureq::Error::Timeout(_) => Self::Late,
            ureq::Error::Rustls(e) => Self::Tls(e.to_string()),
            ureq::Error::Io(e) if tls_cause(&e).is_some() => {
                Self::Tls(tls_cause(&e).unwrap_or_default())
            }
            ureq::Error::Protocol(e) => Self::Protocol(e.to_string()),
            other => Self::Broken(other.to_string()),
        }
    }
}

/// Where a proxy was named.
const SAID_BY: &str = "check VAULT_HTTP_PROXY, HTTPS_PROXY and HTTP_PROXY";

/// Whether nobody listens where a connection was to go.
fn is_refusal(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::ConnectionFailed => true,
        ureq::Error::Io(e) => e.kind() == io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}

/// What answers where TLS is spoken to and does not speak it.
#[derive(Clone, Copy, Debug)]
pub enum PlainServer {
    /// It said so, in HTTP.
    Http,
    /// It ended the connection without a word.
    Silent,
}

impl PlainServer {
    /// How an answer in HTTP begins.
    pub(super) const BEGIN: &[u8] = b"HTTP/";

    /// What it is, by how a handshake failed and with which bytes the server began.
    pub(super) fn tell(begin: &[u8], failed: &io::Error) -> Option<Self> {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, UnexpectedEof};
        match failed.kind() {
            _ if begin == Self::BEGIN => Some(Self::Http),
            UnexpectedEof | ConnectionReset | ConnectionAborted if begin.is_empty() => {
                Some(Self::Silent)
            }
            _ => None,
        }
    }

    fn told(self, address: &Address) -> String {
        let plain = address.base().replacen("https://", "http://", 1);
        match self {
            // In the words of Vault's client, then the remedy.
            Self::Http => format!(
                "http: server gave HTTP response to HTTPS client: it speaks no TLS. Try: export \
                 VAULT_ADDR={plain}"
            ),
            Self::Silent => format!(
                "{address} ended the connection before a word of TLS: does it speak plain HTTP? \
                 Then: export VAULT_ADDR={plain}"
            ),
        }
    }
}

impl std::fmt::Display for PlainServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it speaks no TLS")
    }
}

impl std::error::Error for PlainServer {}

fn tls_cause(error: &io::Error) -> Option<String> {
    error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()).map(ToString::to_string)
}

fn tls_text(address: &Address, why: &str) -> String {
    let told = why.strip_prefix("received fatal alert: ").unwrap_or_default();
    let remedy = if matches!(
        told,
        "BadCertificate"
            | "CertificateExpired"
            | "CertificateUnknown"
            | "DecryptError"
            | "UnknownCA"
    ) {
        "it does not take the client certificate: is it of an authority that the server knows?"
    } else if why.contains("UnknownIssuer") || why.contains("BadSignature") {
        "name the authority that signed its certificate with -ca-cert or VAULT_CACERT"
    } else if why.contains("not valid for name") || why.contains("NotValidForName") {
        "use a name that the certificate bears, or say which with -tls-server-name"
    } else if why.contains("Expired") || why.contains("expired") {
        "its certificate has run out, or this machine's clock is wrong"
    } else if why.contains("not valid yet") || why.contains("NotValidYet") {
        "its certificate is for later, or this machine's clock is wrong"
    } else if why.contains("CaUsedAsEndEntity") {
        "its certificate is that of an authority: name that very one with -ca-cert or VAULT_CACERT"
    } else if why.contains("InvalidPurpose") {
        "its certificate is not one for a server"
    } else if why.contains("corrupt message") {
        "what answers there speaks no TLS"
    } else if why.contains("CertificateRequired") {
        "it wants a client certificate: -client-cert and -client-key"
    } else {
        "the certificate or the TLS version does not suit"
    };
    format!("no TLS with {address}: {remedy} ({why})")
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoServer(address) => {
                write!(f, "no server at {address}: is it running? `edgekeep server -dev`")
            }
            Self::Broken(text) => f.write_str(text),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

/// In the words of Vault's client.
impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { method, url, status, errors, body } = self;
        write!(f, "Error making API request.\n\nURL: {method} {url}\nCode: {status}. ")?;
        let Some(errors) = errors else {
            return write!(f, "Raw Message:\n\n{}", body.as_str().unwrap_or_default());
        };
        f.write_str("Errors:\n\n")?;
        for (i, error) in errors.iter().enumerate() {
            write!(f, "{}* {error}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
