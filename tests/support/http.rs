//! An HTTP/1.1 client that sends a method, a target and headers just as they are given, which a
//! well-behaved client library would not. One connection for each request.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType};
use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(180);

const MERGE_PATCH: (&str, &str) = ("Content-Type", "application/merge-patch+json");

/// Sends requests to one server.
#[derive(Clone)]
pub struct Client {
    address: String,
    token: Option<String>,
    from: Option<Ipv4Addr>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

impl Client {
    /// Without a token.
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), token: None, from: None }
    }

    /// The same with a token.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Where it connects to.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The same from an address of this machine, such as any 127.x.y.z.
    #[must_use]
    pub fn from(mut self, address: Ipv4Addr) -> Self {
        self.from = Some(address);
        self
    }

    /// GET of a path below `/v1/`.
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None)
    }

    /// LIST of a path below `/v1/`.
    pub fn list(&self, path: &str) -> Reply {
        self.send("LIST", path, None)
    }

    /// POST of JSON to a path below `/v1/`.
    pub fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, Some(&body))
    }

    /// DELETE of a path below `/v1/`.
    pub fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, None)
    }

    /// POST of any bytes to a path below `/v1/`.
    pub fn upload(&self, path: &str, body: &[u8]) -> io::Result<Reply> {
        let token = self.token.as_deref().map(|token| ("X-Vault-Token", token));
        let headers: Vec<(&str, &str)> = token.into_iter().collect();
        self.try_send("POST", &format!("/v1/{path}"), &headers, Some(body))
    }

    /// Any method on a path below `/v1/`.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.ask(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same of a server that may end meanwhile. A PATCH is a merge patch.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Reply> {
        let patch = (method == "PATCH").then_some(MERGE_PATCH);
        self.ask_with(method, path, patch.as_slice(), body)
    }

    /// The same with these headers.
    pub fn ask_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> io::Result<Reply> {
        let token = self.token.as_deref().map(|token| ("X-Vault-Token", token));
        let headers: Vec<(&str, &str)> = token.into_iter().chain(headers.iter().copied()).collect();
        let body = body.map(Value::to_string);
        let bytes = body.as_ref().map(String::as_bytes);
        self.try_send(method, &format!("/v1/{path}"), &headers, bytes)
    }

    /// Any request, with no header but those given and what frames it.
    pub fn try_send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Reply> {
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if body.is_some() || matches!(method, "POST" | "PUT" | "PATCH") {
            request.push_str(&format!("Content-Length: {}\r\n", body.map_or(0, <[u8]>::len)));
        }
        request.push_str("Connection: close\r\n\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend(body.unwrap_or_default());
        // A server may answer, and close, before it has read everything.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Reply::parse(&answer).ok_or_else(|| {
            let text = String::from_utf8_lossy(&answer).into_owned();
            io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: {text:?}"))
        })
    }
}

impl Client {
    fn connect(&self) -> io::Result<TcpStream> {
        let Some(from) = self.from else { return TcpStream::connect(&self.address) };
        let to: SocketAddr = self.address.parse().map_err(io::Error::other)?;
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::net::bind(&socket, &SocketAddrV4::new(from, 0))?;
        rustix::net::connect(&socket, &to)?;
        Ok(TcpStream::from(socket))
    }
}

impl Reply {
    /// The body as JSON; null when it is empty or none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Reads an answer that is whole.
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(answer).ok()? else { return None };
        let text = |header: &httparse::Header<'_>| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_ascii_lowercase(), value)
        };
        let mut reply = Self {
            status: head.code?,
            headers: head.headers.iter().map(text).collect(),
            body: answer[length..].to_vec(),
        };
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = unchunk(&reply.body)?;
        }
        Some(reply)
    }
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((start, size)) = httparse::parse_chunk_size(rest).ok()?
        else {
            return None;
        };
        let size = usize::try_from(size).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend(rest.get(start..start + size)?);
        rest = rest.get(start + size + 2..)?;
    }
}
