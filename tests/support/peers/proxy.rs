//! A network that can be cut: everything that goes to a server goes through it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Network {
    /// Everything passes.
    Whole,
    /// Everything passes slowly: at most so many bytes in each 20 ms, each way.
    Slow(usize),
    /// So many bytes pass to the server from now on, then all connections end.
    Closes(u64),
    /// So many bytes pass to the server from now on, then nothing moves any more.
    Stops(u64),
    /// So many bytes pass from the server from now on, then all connections end.
    Deaf(u64),
    /// So many bytes pass from the server from now on, then one connection ends: once.
    Cuts(u64),
    /// Some bytes of what is long come from the server as others.
    Flips,
}

struct State {
    network: Mutex<Network>,
    /// How much has passed to the server, and from it, since the network was changed.
    up: AtomicU64,
    down: AtomicU64,
}

/// How much a slow network makes up for of what a busy machine was late with.
const LATE: Duration = Duration::from_millis(500);

/// Passes connections on to a server.
pub struct Proxy {
    state: Arc<State>,
    /// Where it listens.
    pub address: String,
}

impl Proxy {
    /// A whole network in front of the server at that address.
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // What waits in here has moved for the sender.
        set_socket_recv_buffer_size(&listener, 16 << 10).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let network = Mutex::new(Network::Whole);
        let (up, down) = (AtomicU64::new(0), AtomicU64::new(0));
        let state = Arc::new(State { network, up, down });
        let (accepting, server) = (Arc::clone(&state), server.to_owned());
        // It ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let pairs = [(&client, &server, true), (&server, &client, false)];
                for (from, to, up) in pairs {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let state = Arc::clone(&accepting);
                    thread::spawn(move || pass(from, to, &state, up));
                }
            }
        });
        Self { state, address }
    }

    /// Whether a [cut](Network::Cuts) is over.
    pub fn is_whole(&self) -> bool {
        *self.state.network.lock().unwrap() == Network::Whole
    }

    /// Changes the network. Connections that stand still go on when it is whole again.
    pub fn is(&self, network: Network) {
        let mut now = self.state.network.lock().unwrap();
        self.state.up.store(0, Ordering::SeqCst);
        self.state.down.store(0, Ordering::SeqCst);
        *now = network;
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, state: &State, up: bool) {
    let mut buffer = [0; 1024];
    let mut due = Instant::now();
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if !up && read == buffer.len() && *state.network.lock().unwrap() == Network::Flips {
            buffer[read / 2] ^= 1;
        }
        if !passes(read as u64, state, up, &mut due) || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// Waits as the network demands; whether the bytes get through. `due` is when, where it is slow.
fn passes(bytes: u64, state: &State, up: bool, due: &mut Instant) -> bool {
    let passed = if up { &state.up } else { &state.down };
    let before = passed.fetch_add(bytes, Ordering::SeqCst);
    loop {
        let mut now = state.network.lock().unwrap();
        let network = *now;
        if let Network::Cuts(most) = network
            && !up
            && before + bytes > most
        {
            *now = Network::Whole;
            return false;
        }
        drop(now);
        match network {
            Network::Whole | Network::Cuts(_) | Network::Flips => return true,
            Network::Slow(most) => {
                let share = bytes as f64 / most as f64;
                let late = Instant::now().checked_sub(LATE).unwrap_or(*due);
                *due = late.max(*due) + Duration::from_millis(20).mul_f64(share);
                thread::sleep(due.saturating_duration_since(Instant::now()));
                return true;
            }
            Network::Closes(most) => return !up || before + bytes <= most,
            Network::Deaf(most) => return up || before + bytes <= most,
            Network::Stops(most) if !up || before + bytes <= most => return true,
            Network::Stops(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}
