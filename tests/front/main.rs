//! The front with real sockets: what a peer may do to it, and that the next honest request is
//! answered all the same.

mod attacks;
mod bodies;
mod memory;
mod secured;
#[path = "../support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use edgekeep::api::reply::{Response, ResponseBody};
use edgekeep::api::request::{Body, Request};
use edgekeep::base::clock::SystemClock;
use edgekeep::base::digest::sha256;
use edgekeep::base::entropy::SystemEntropy;
use edgekeep::server::gate::inherited::Inherited;
use edgekeep::server::gate::listener::Address;
use edgekeep::server::limits::Limits;
use edgekeep::server::rules::Rules;
use edgekeep::server::tls::TlsSettings;
use edgekeep::server::{Front, ListenerSettings, Service, Settings, Surroundings};

/// Says back what it was asked, and does what the path tells.
struct Echo;

impl Service for Echo {
    fn call(&self, request: Request) -> Response {
        let (verb, argument) = request.path.split_once('/').unwrap_or((&request.path, ""));
        let number = || argument.parse::<u64>().unwrap();
        let text = match verb {
            "panic" => panic!("as it was asked to"),
            "large" => return whole("a".repeat(number() as usize)),
            "stream" => return stream(number(), number()),
            "endless" => return endless(),
            "broken" => return stream(number(), number() / 2),
            "sys" => match request.body {
                Body::Stream(_) if request.token.is_none() => {
                    return Response { status: 403, ..whole("unread".into()) };
                }
                Body::Stream(mut body) => {
                    let mut content = Vec::new();
                    match body.read_to_end(&mut content) {
                        Ok(n) => format!("whole {n} {}", hex(&sha256(&content))),
                        Err(error) => {
                            CUT.fetch_add(1, Ordering::SeqCst);
                            format!("cut {} {error}", content.len())
                        }
                    }
                }
                Body::Whole(_) => "not a stream".into(),
            },
            "empty" => {
                return Response::new(204, ResponseBody::Empty);
            }
            _ => {
                let Body::Whole(body) = &request.body else { panic!("not a stream") };
                format!(
                    "{:?} {} {:?} token={} body={} {} {} certificates={} serial={:?} {:?}",
                    request.method,
                    request.path,
                    request.query,
                    request.token.is_some(),
                    body.expose().len(),
                    hex(&sha256(body.expose())),
                    request.peer.address.is_some(),
                    request.peer.certificates.len(),
                    request.peer.serial,
                    request.headers,
                )
            }
        };
        whole(text)
    }
}

static CUT: AtomicU64 = AtomicU64::new(0);

fn whole(text: String) -> Response {
    let body = ResponseBody::Whole("text/plain", text.into_bytes().into());
    Response::new(200, body)
}

fn stream(length: u64, given: u64) -> Response {
    let write = Box::new(move |out: &mut dyn Write| {
        std::io::copy(&mut std::io::repeat(b's').take(given), out).map(drop)
    });
    let body = ResponseBody::Stream { content_type: "application/gzip", length, write };
    Response::new(200, body)
}

fn endless() -> Response {
    let write = Box::new(|out: &mut dyn Write| {
        loop {
            out.write_all(&[b'e'; 64 << 10])?;
            out.flush()?;
        }
    });
    let body = ResponseBody::Endless { content_type: "text/plain", write };
    Response::new(200, body)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A front on a free port and on a Unix socket, and where it keeps its files.
struct House {
    front: Option<Front>,
    address: SocketAddr,
    folder: PathBuf,
}

impl House {
    fn new() -> Self {
        Self::with(limits())
    }

    fn with(limits: Limits) -> Self {
        Self::open(limits, |_| None)
    }

    /// A front whose TCP listener has the TLS that `tls` makes, given the folder.
    fn open(limits: Limits, tls: impl FnOnce(&Path) -> Option<TlsSettings>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("edgekeep-test-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let run_folder = folder.join("run");
        std::fs::create_dir_all(&run_folder).unwrap();
        let unix = Address::Unix {
            path: run_folder.join("socket"),
            mode: Some(0o660),
            owner: None,
            group: None,
        };
        let tcp = Address::Tcp("127.0.0.1:0".into());
        let listeners = vec![
            ListenerSettings { address: tcp, tls: tls(&folder), rules: Rules::default() },
            ListenerSettings { address: unix, tls: None, rules: Rules::default() },
        ];
        let settings = Settings { listeners, limits, run_folder };
        let front = Front::start(settings, Inherited::default(), around()).unwrap();
        let address = front.addresses()[0];
        Self { front: Some(front), address, folder }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    fn front(&self) -> &Front {
        self.front.as_ref().unwrap()
    }

    /// Sends that on a new connection, and gives all that comes until it is closed.
    fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // The answer may come before all is sent.
        let _ = stream.write_all(bytes);
        rest(&mut stream)
    }

    fn is_honest(&self) {
        let answer = self.say(b"GET /v1/honest HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("Get honest"), "{answer}");
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(front) = self.front.take() {
            front.stop();
        }
        let left = std::fs::read_dir(self.folder.join("run")).into_iter().flatten().flatten();
        let left: Vec<_> = left.collect();
        let _ = std::fs::remove_dir_all(&self.folder);
        if !std::thread::panicking() {
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}

fn around() -> Surroundings {
    Surroundings {
        service: Arc::new(Echo),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        counters: Arc::default(),
    }
}

/// How long a test waits for what comes soon, most often.
const LONG: Duration = Duration::from_secs(60);

/// Few workers, and times that are up for nobody, however busy the machine: a test that waits for
/// one to be up makes that one short.
fn limits() -> Limits {
    let never = 10 * LONG;
    Limits {
        handshake: never,
        head: never,
        read_stall: never,
        write_stall: never,
        drain: LONG,
        linger: LONG,
        newcomers: never,
        workers: 4,
        ..Limits::default()
    }
}

fn rest(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    // A reset ends it too.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer whose body's length is declared.
fn one(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |text| text.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "it never came to be that {what}");
        std::thread::yield_now();
    }
}

#[test]
fn an_answer_has_what_each_of_vaults_has() {
    let house = House::new();
    let answer = house.say(
        b"POST /v1/some/path%20x?list=a%26b&c HTTP/1.1\r\nHost: h\r\nX-Vault-Token: t\r\n\
          Connection: close\r\nContent-Length: 3\r\nX-Other: o\r\n\r\nabc",
    );
    for expected in [
        "HTTP/1.1 200 OK\r\n",
        "Cache-Control: no-store\r\n",
        "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n",
        "Content-Type: text/plain\r\n",
        "Connection: close\r\n",
        " GMT\r\n",
        "Post some/path x [(\"list\", \"a&b\"), (\"c\", \"\")] token=true body=3",
        "[(\"host\", \"h\"), (\"x-other\", \"o\")]",
    ] {
        assert!(answer.contains(expected), "{expected:?} in {answer}");
    }
    house.is_honest();
}

#[test]
fn a_unix_listener_serves_too() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    let path = house.folder.join("run/socket");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let mut stream = UnixStream::connect(&path).unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /v1/over/unix HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        let answer = one(&mut stream);
        assert!(answer.contains("Get over/unix [] token=false body=0"), "{answer}");
        assert!(
            answer.contains(" false certificates=0 serial=None [(\"host\""),
            "no address: {answer}"
        );
    }
}

#[test]
fn the_answers_of_http_itself() {
    let house = House::new();
    let get = |path: &str| {
        house.say(format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").as_bytes())
    };
    for (path, status, text) in [
        ("/nothing", 404, "{\"errors\":[]}"),
        ("/v1", 404, "{\"errors\":[]}"),
        ("/v1/a//b?x=y", 301, "Location: /v1/a/b?x=y\r\n"),
        ("/v1/a/../b", 301, "<a href=\"/v1/b\">Moved Permanently</a>.\n\n"),
        ("/v1/%zz", 400, "\r\n\r\n400 Bad Request"),
        ("/v1/%00", 400, "Content-Length: 0\r\n\r\n"),
        ("/v1/%C2%A0", 400, "Content-Length: 0\r\n\r\n"),
        ("/v1/\u{e9}", 400, ""),
        ("/v1/%F0%9F%98%80", 200, "Get \u{1f600} "),
        ("/v1/a%2Fb", 200, "Get a/b "),
        ("v1/a", 400, "400 Bad Request"),
        ("/v1/panic", 500, "{\"errors\":[\"internal error\"]}"),
        ("/v1/empty", 204, "Connection: close\r\n\r\n"),
    ] {
        let answer = get(path);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert!(answer.contains(text), "{path}: {answer}");
        house.is_honest();
    }
    assert!(!get("/v1/%00").contains("Content-Type"));
    assert!(!get("/v1/empty").contains("Content-Length"));
    let answer = house.say(b"FOO /v1/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("{\"errors\":[]}"), "{answer}");
    let answer = house.say(b"HEAD /v1/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(answer.ends_with("\r\n\r\n") && !answer.contains("Content-Length: 0"), "{answer}");
}
