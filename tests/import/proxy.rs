//! A server that stands before another and answers some requests itself.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::support::http::Client;
use crate::support::{ROOT, Server};

/// What it answers to a request whose target begins so.
#[derive(Clone)]
pub struct Fault {
    target: &'static str,
    answer: String,
    left: usize,
}

/// The server; ends when dropped.
pub struct Proxy {
    /// Where it listens.
    pub address: String,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fault {
    /// An answer, each time.
    pub fn new(target: &'static str, status: &str, body: &str) -> Self {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        Self { target, answer, left: usize::MAX }
    }

    /// Bytes that are no answer.
    pub fn raw(target: &'static str, answer: &str) -> Self {
        Self { target, answer: answer.to_owned(), left: usize::MAX }
    }

    /// Only so often.
    pub fn times(mut self, times: usize) -> Self {
        self.left = times;
        self
    }
}

impl Proxy {
    /// Stands before `server`.
    pub fn before(server: &Server, faults: Vec<Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let done = Arc::new(AtomicBool::new(false));
        let (ended, behind) = (Arc::clone(&done), server.client());
        let faults = Arc::new(Mutex::new(faults));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let (behind, faults) = (behind.clone(), Arc::clone(&faults));
                std::thread::spawn(move || serve(stream.unwrap(), &behind, &faults));
            }
        });
        Self { address, done, thread: Some(thread) }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(&self.address));
        self.thread.take().map(JoinHandle::join);
    }
}

/// Answers one request, all of which are reads.
fn serve(mut stream: TcpStream, behind: &Client, faults: &Mutex<Vec<Fault>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    assert_eq!(method, "GET", "an import only reads: {head}");
    // Who went away needs no answer.
    let _ = match fault(target, faults) {
        Some(answer) => stream.write_all(answer.as_bytes()),
        None => {
            let token = [("X-Vault-Token", ROOT)];
            let reply = behind.try_send(method, target, &token, None).unwrap();
            let (status, length) = (reply.status, reply.body.len());
            let head = format!(
                "HTTP/1.1 {status} So\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(&[head.as_bytes(), &reply.body].concat())
        }
    };
}

fn fault(target: &str, faults: &Mutex<Vec<Fault>>) -> Option<String> {
    let mut faults = faults.lock().unwrap();
    let found = faults.iter_mut().find(|f| f.left > 0 && target.starts_with(f.target))?;
    found.left -= 1;
    Some(found.answer.clone())
}
