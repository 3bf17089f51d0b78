//! A slow way to a server, on which what is large stops half-way until somebody lets it go on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// After how many bytes it stops: more than the system keeps between two who talk.
const HALF: usize = 3 << 20;
/// What it takes for a piece of 64 KiB until then.
const PACE: Duration = Duration::from_millis(10);

/// Such a way.
pub struct Slow {
    /// Where it begins.
    pub address: String,
    held: Arc<(Mutex<bool>, Condvar)>,
}

impl Slow {
    /// A way to the server at an address, on which everything passes.
    pub fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let held = Arc::new((Mutex::new(false), Condvar::new()));
        let (server, gate) = (server.to_owned(), Arc::clone(&held));
        spawn(move || {
            for stream in listener.incoming() {
                let near = stream.unwrap();
                let far = TcpStream::connect(&server).unwrap();
                let ways = [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)];
                for (from, to) in ways {
                    let gate = Arc::clone(&gate);
                    spawn(move || pass(from, to, &gate));
                }
            }
        });
        Self { address, held }
    }

    /// From here on what is large stops half-way.
    pub fn hold(&self) {
        *self.held.0.lock().unwrap() = true;
    }

    /// Lets everything go on.
    pub fn release(&self) {
        *self.held.0.lock().unwrap() = false;
        self.held.1.notify_all();
    }
}

/// Passes on what comes. Whoever goes away ends it.
fn pass(mut from: TcpStream, mut to: TcpStream, gate: &(Mutex<bool>, Condvar)) {
    let mut piece = vec![0; 64 << 10];
    let mut passed = 0;
    while let Ok(got @ 1..) = from.read(&mut piece) {
        if *gate.0.lock().unwrap() {
            sleep(PACE);
            if passed + got > HALF {
                drop(gate.1.wait_while(gate.0.lock().unwrap(), |held| *held).unwrap());
            }
        }
        passed += got;
        if to.write_all(&piece[..got]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
