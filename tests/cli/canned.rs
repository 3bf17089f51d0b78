//! A server that says what a test tells it to: what no true one would, or seldom does.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use super::edgekeep;
use super::support::TempDir;

/// A server that answers one connection after the other with what it was given.
pub struct Canned {
    pub address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    pub fn start(answers: impl FnOnce(&str) -> Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = answers(&address);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                serve(stream, &answer, |request| seen.lock().unwrap().push(request));
            }
        });
        Self { address, requests }
    }

    pub fn command(&self, home: &TempDir, words: &[&str]) -> Command {
        edgekeep(home, &format!("http://{}", self.address), words)
    }

    pub fn run(&self, home: &TempDir, words: &[&str]) -> Output {
        self.command(home, words).output().unwrap()
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What was asked of it so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// An answer of it.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Reads one request, tells what it is, and answers it.
pub fn serve(mut stream: impl Read + Write, answer: &str, seen: impl FnOnce(String)) {
    let mut request = Vec::new();
    let mut wanted = usize::MAX;
    while request.len() < wanted {
        let mut part = [0; 4096];
        let got = stream.read(&mut part).unwrap();
        assert!(got > 0, "the request broke off");
        request.extend_from_slice(&part[..got]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
            wanted = head + 4 + length.unwrap_or(0);
        }
    }
    seen(String::from_utf8(request).unwrap());
    stream.write_all(answer.as_bytes()).unwrap();
}
