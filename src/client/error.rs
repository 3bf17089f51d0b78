//! Why there is no answer, or none that helps; the text says what to do.

use std::io;

use serde_json::Value;

use super::address::Address;
use super::end::End;
use crate::base::variable::Variable;

/// What starts a server: a board's, one that has a configuration, one to try things on.
const STARTS: &str = "`systemctl start edgekeep`, or `edgekeep server -config=FILE`, or to try it \
                      out `edgekeep server -dev`";

/// Why a request gave nothing.
#[derive(Debug)]
pub enum Error {
    /// Nobody listens there.
    NoServer(Address, End),
    /// Somebody does, but did not answer in time.
    Late(Address, End),
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

    pub(super) fn unreachable(
        end: End,
        address: &Address,
        proxy: Option<&str>,
        trouble: Trouble,
    ) -> Self {
        let known = |variable| end.has(variable).then(|| end.variable(variable));
        let said_by = || {
            let own = known(Variable::HttpProxy).map(|own| format!("{own}, ")).unwrap_or_default();
            format!("check {own}HTTPS_PROXY and HTTP_PROXY")
        };
        let text = match (trouble, proxy) {
            (Trouble::Plain(plain), _) => plain.told(end, address),
            (Trouble::Refused, None) => return Self::NoServer(address.clone(), end),
            (Trouble::Refused, Some(proxy)) => {
                format!("no proxy at {proxy}, through which {address} is reached: {}", said_by())
            }
            (Trouble::UnknownHost, Some(proxy)) => {
                format!("the host of the proxy {proxy} is not known: {}", said_by())
            }
            (Trouble::UnknownHost, None) => format!(
                "the host of {address} is not known: check the name in {}, and whether this \
                 machine asks a DNS server",
                end.says(Variable::Addr)
            ),
            (Trouble::Late, _) => return Self::Late(address.clone(), end),
            (Trouble::Tls(why), _) => tls_text(end, address, &why),
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

    /// A server that is spoken to in HTTP says that it speaks TLS.
    pub(super) fn wants_tls(end: End, address: &Address) -> Self {
        let way = end.at(&address.base().replacen("http://", "https://", 1));
        Self::Broken(format!("{WANTS_TLS}: it speaks TLS. Try: {way}"))
    }
}

/// What a server that speaks TLS answers in HTTP, in the words of Go.
pub(super) const WANTS_TLS: &str = "Client sent an HTTP request to an HTTPS server";

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

    fn told(self, end: End, address: &Address) -> String {
        let way = end.at(&address.base().replacen("https://", "http://", 1));
        match self {
            // In the words of Vault's client, then the remedy.
            Self::Http => format!(
                "http: server gave HTTP response to HTTPS client: it speaks no TLS. Try: \
                 {way}"
            ),
            Self::Silent => format!(
                "{address} ended the connection before a word of TLS: does it speak plain HTTP? \
                 Then: {way}"
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

fn tls_text(end: End, address: &Address, why: &str) -> String {
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
            .into()
    } else if why.contains("UnknownIssuer") || why.contains("BadSignature") {
        format!(
            "name the authority that signed its certificate with {}",
            end.says(Variable::Cacert)
        )
    } else if why.contains("not valid for name") || why.contains("NotValidForName") {
        let by = end.says(Variable::TlsServerName);
        format!("use a name that the certificate bears, or say which with {by}")
    } else if why.contains("Expired") || why.contains("expired") {
        "its certificate has run out, or this machine's clock is wrong".into()
    } else if why.contains("not valid yet") || why.contains("NotValidYet") {
        "its certificate is for later, or this machine's clock is wrong".into()
    } else if why.contains("CaUsedAsEndEntity") {
        let by = end.says(Variable::Cacert);
        format!("its certificate is that of an authority: name that very one with {by}")
    } else if why.contains("InvalidPurpose") {
        "its certificate is not one for a server".into()
    } else if why.contains("corrupt message") {
        "what answers there speaks no TLS".into()
    } else if why.contains("CertificateRequired") {
        let flags =
            [Variable::ClientCert, Variable::ClientKey].map(|by| end.flag(by).unwrap_or_default());
        format!("it wants a client certificate: {}", flags.join(" and "))
    } else {
        "the certificate or the TLS version does not suit".to_owned()
    };
    format!("no TLS with {address}: {remedy} ({why})")
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoServer(address, End::Server) => {
                write!(f, "no server at {address}: is it running? {STARTS}")
            }
            Self::NoServer(address, end @ (End::Source | End::Seal)) => {
                let by = end.says(Variable::Addr);
                write!(f, "no server at {address}: is it running, and is that what {by} names?")
            }
            Self::Late(address, end) => {
                write!(f, "{address} did not answer in time: is it overloaded?{}", end.longer())
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
