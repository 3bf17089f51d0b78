//! A transit server that answers when and what a test wants: slowly, or not at all. What it
//! encrypts it only names; whether the seal is sound is tested against a real OpenBao.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::house::House;
use crate::support::eventually;

/// Its acts, as their paths name them.
pub const ENCRYPT: &str = "encrypt";
pub const DECRYPT: &str = "decrypt";
pub const RENEW: &str = "renew-self";

pub struct Peer {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    /// The key's version.
    version: u32,
    /// How often each act was asked for.
    calls: HashMap<String, usize>,
    /// Which call of an act is not answered until it is let go: counted from one.
    held: Option<(&'static str, usize)>,
    /// What is answered to an act in place of what it asks for.
    refused: HashMap<&'static str, (u16, &'static str)>,
    /// What it encrypted last that was a secret, in base64.
    learned: String,
}

impl Peer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        state.inner.lock().unwrap().version = 1;
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = shared.clone();
                thread::spawn(move || drop(serve(stream.unwrap(), &state)));
            }
        });
        Self { address, state }
    }

    /// What a configuration says of it.
    pub fn section(&self, house: &House) -> String {
        house.put_key("token", b"a token");
        format!(
            "seal \"transit\" {{\n address = \"{}\"\n token = \"file://{}\"\n \
             key_name = \"edge\"\n mount_path = \"transit/\"\n}}\n",
            self.url(),
            house.path("stick/token").display()
        )
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key is another one from now on.
    pub fn rotate(&self) {
        self.state.inner.lock().unwrap().version += 1;
    }

    /// Lets the `nth` of the calls that come from now on wait for its answer.
    pub fn hold(&self, act: &'static str, nth: usize) {
        let mut inner = self.state.inner.lock().unwrap();
        let nth = inner.calls.get(act).copied().unwrap_or_default() + nth;
        inner.held = Some((act, nth));
    }

    /// Waits until the call is there that is held.
    pub fn holds(&self) {
        let (act, nth) = self.state.inner.lock().unwrap().held.unwrap();
        eventually("the call comes that is held", || self.calls(act) >= nth);
    }

    pub fn let_go(&self) {
        self.state.inner.lock().unwrap().held = None;
        self.state.changed.notify_all();
    }

    pub fn refuse(&self, act: &'static str, status: u16, text: &'static str) {
        self.state.inner.lock().unwrap().refused.insert(act, (status, text));
    }

    pub fn accept(&self, act: &'static str) {
        self.state.inner.lock().unwrap().refused.remove(act);
    }

    /// What who has its key learns.
    pub fn learned(&self) -> String {
        self.state.inner.lock().unwrap().learned.clone()
    }

    pub fn calls(&self, act: &str) -> usize {
        self.state.inner.lock().unwrap().calls.get(act).copied().unwrap_or_default()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.let_go();
    }
}

fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line)?;
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let (status, answer) = state.answer(&path, &body);
        let answer = answer.to_string();
        write!(
            reader.get_mut(),
            "HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{answer}",
            answer.len()
        )?;
    }
}

impl State {
    fn answer(&self, path: &str, body: &[u8]) -> (u16, Value) {
        let acts = [ENCRYPT, DECRYPT, RENEW];
        let act = acts.into_iter().find(|act| path.split('/').any(|part| part == *act)).unwrap();
        let mut inner = self.inner.lock().unwrap();
        let nth = *inner.calls.entry(act.to_owned()).and_modify(|nth| *nth += 1).or_insert(1);
        while inner.held == Some((act, nth)) {
            inner = self.changed.wait(inner).unwrap();
        }
        if let Some((status, text)) = inner.refused.get(act) {
            return (*status, json!({ "errors": [text] }));
        }
        let asked: Value = serde_json::from_slice(body).unwrap();
        let text = |name: &str| asked[name].as_str().unwrap().to_owned();
        if act == ENCRYPT && !text("plaintext").starts_with("AAAA") {
            inner.learned = text("plaintext");
        }
        let data = match act {
            ENCRYPT => json!({
                "ciphertext": format!("vault:v{}:{}", inner.version, text("plaintext")),
            }),
            DECRYPT => json!({ "plaintext": text("ciphertext").rsplit(':').next().unwrap() }),
            _ => return (200, json!({ "auth": { "lease_duration": 3600, "renewable": true } })),
        };
        (200, json!({ "data": data }))
    }
}
