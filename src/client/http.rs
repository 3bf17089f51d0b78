//! One exchange with any HTTP server; bodies stream both ways.

use std::io::Read;
use std::time::Duration;

use ureq::config::{Config, RedirectAuthHeaders};
use ureq::http::{HeaderMap, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector as _, NextTimeout, TcpConnector,
};
use ureq::{Agent, Proxy};

use super::address::Address;
use super::connect::{TlsConnector, UnixConnector};
use super::error::Trouble;
use super::proxy;
use super::settings::SettingsError;
use super::tls::Tls;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(30);

/// A kept set of connections to one server.
pub struct Http {
    agent: Agent,
    /// Where the proxy is, if there is one.
    proxy: Option<String>,
}

/// What is sent.
pub struct Request<'a, 'b> {
    /// The verb; any token of RFC 9110.
    pub method: &'a str,
    /// The whole URL, encoded.
    pub url: &'a str,
    /// Headers in their order.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: Body<'b>,
}

impl<'a, 'b> Request<'a, 'b> {
    /// The same once more, where that does nothing that once does not (RFC 9110, section 9.2.2; RFC
    /// 4918, section 9.1).
    pub fn again(&self) -> Option<Request<'a, 'b>> {
        let body = match self.body {
            Body::Empty => Body::Empty,
            Body::Bytes(bytes) => Body::Bytes(bytes),
            Body::Stream { .. } => return None,
        };
        let Self { method, url, headers, .. } = *self;
        let may_be = matches!(method, "GET" | "HEAD" | "PROPFIND" | "PUT" | "DELETE");
        may_be.then_some(Request { method, url, headers, body })
    }
}

/// What follows a request's head.
pub enum Body<'a> {
    /// Nothing.
    Empty,
    /// Bytes at hand.
    Bytes(&'a [u8]),
    /// Bytes that are read while they are sent.
    Stream {
        /// How many there are.
        length: u64,
        /// Where they come from.
        from: &'a mut dyn Read,
    },
}

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// As long as the connection stands, or as its server was told to be waited for.
    Endless,
    /// So long for the whole exchange, the answer's body included.
    Whole(Duration),
    /// As long as something comes each time within so long.
    Moving(Duration),
}

/// What came back, its body still to be read.
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Where a redirect points.
    pub location: Option<String>,
    /// Bytes of the body, where declared.
    pub length: Option<u64>,
    /// The body; a declared length that is not reached is an error.
    pub body: Box<dyn Read + Send>,
    headers: HeaderMap,
}

impl Reply {
    /// The first header of that name, in any case, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Http {
    /// Connections to `address`; no server is asked yet. Reads the TLS files where it is `https`.
    pub fn new(address: &Address, tls: &Tls, proxy: Option<Proxy>) -> Result<Self, SettingsError> {
        Self::build(address, tls, proxy, None)
    }

    /// The same to what is no server of Vault's API: by the proxy that the usual variables name,
    /// and no exchange goes on when nothing has moved for `stall`.
    pub fn elsewhere(address: &Address, tls: &Tls, stall: Duration) -> Result<Self, SettingsError> {
        let proxy = proxy::find(address, |_| None, proxy::usual)?;
        Self::build(address, tls, proxy, Some(stall))
    }

    fn build(
        address: &Address,
        tls: &Tls,
        proxy: Option<Proxy>,
        stall: Option<Duration>,
    ) -> Result<Self, SettingsError> {
        let at = proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        let config = address.is_https().then(|| tls.config()).transpose()?;
        let connector = UnixConnector { socket: address.socket().map(Into::into) }
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(TlsConnector { config, server_name: tls.server_name.clone() });
        let settings = Config::builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::Never)
            .timeout_connect(Some(stall.unwrap_or(CONNECT).min(CONNECT)))
            .timeout_per_read(stall)
            .timeout_per_write(stall)
            .user_agent(concat!("edgekeep/", env!("CARGO_PKG_VERSION")))
            .proxy(proxy)
            .build();
        let resolver = Resolve { socket: address.socket().is_some() };
        Ok(Self { agent: Agent::with_parts(settings, connector, resolver), proxy: at })
    }

    /// Where the proxy is that the server is reached through, if there is one.
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// Sends a request and waits for the head of the answer, whatever its status. Why it came to
    /// nothing is not put into words.
    pub fn exchange(&self, request: Request<'_, '_>, patience: Patience) -> Result<Reply, Trouble> {
        let mut head = ureq::http::Request::builder().method(request.method).uri(request.url);
        for (name, value) in request.headers {
            head = head.header(name, value);
        }
        let reply = match request.body {
            Body::Empty if matches!(request.method, "GET" | "HEAD" | "DELETE" | "LIST") => {
                self.run(head, (), patience)
            }
            Body::Empty => self.run(head, &[][..] as &[u8], patience),
            Body::Bytes(bytes) => self.run(head, bytes, patience),
            Body::Stream { length, from } => {
                let head = head.header("Content-Length", length.to_string());
                self.run(head, ureq::SendBody::from_reader(from), patience)
            }
        }?;
        let location = reply.headers().get("Location").and_then(|v| v.to_str().ok());
        Ok(Reply {
            status: reply.status().as_u16(),
            location: location.map(str::to_owned),
            length: reply.body().content_length(),
            headers: reply.headers().clone(),
            body: Box::new(reply.into_body().into_with_config().limit(u64::MAX).reader()),
        })
    }

    fn run(
        &self,
        head: ureq::http::request::Builder,
        body: impl ureq::AsSendBody,
        patience: Patience,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let request = self.agent.configure_request(head.body(body)?);
        let request = match patience {
            Patience::Endless => request,
            Patience::Whole(time) => request.timeout_global(Some(time)),
            Patience::Moving(time) => {
                request.timeout_per_read(Some(time)).timeout_per_write(Some(time))
            }
        };
        self.agent.run(request.build())
    }
}

/// Looks names up, but for a Unix socket, which has none.
#[derive(Debug)]
struct Resolve {
    socket: bool,
}

impl Resolver for Resolve {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if self.socket {
            return Ok(self.empty());
        }
        // The system's own words for it are an `Io` like any other.
        DefaultResolver::default().resolve(uri, config, timeout).map_err(|error| match error {
            ureq::Error::Io(_) => ureq::Error::HostNotFound,
            other => other,
        })
    }
}
