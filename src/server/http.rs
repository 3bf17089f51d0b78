//! The inner HTTP server: tiny_http on a Unix socket that nobody but the gate reaches.

use std::convert::Infallible;
use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::gate::callers::Note;
use super::translate::Translator;

/// How long to wait before a failed attempt to make a line is repeated.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long it is waited for workers whose time to end is up: one may hang for as long as what it
/// waits for, and ends with the process.
const LAST: Duration = Duration::from_secs(3);

/// Asks for one more line.
pub struct WantLine;

/// The inner server with its threads.
pub struct Http {
    inner: Arc<Inner>,
    /// Leaves what shows that the last worker has ended.
    connector: JoinHandle<Ended>,
}

struct Inner {
    folder: PathBuf,
    stopping: AtomicBool,
    translator: Translator,
}

/// Nothing is ever received from it, until all who could send have ended.
type Ended = Receiver<Infallible>;

/// A line to an inner server. Each brings a worker and takes one with it at its end: so requests
/// always find one, and a server that has died serves on the lines that it has.
pub struct Connection {
    socket: UnixStream,
    _stay: Stay,
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// One more worker of a server, until this is dropped.
struct Stay(Arc<Built>);

impl Drop for Stay {
    fn drop(&mut self) {
        if let Some(server) = &self.0.server {
            server.unblock();
        }
    }
}

/// One tiny_http of several: when it has died, another is built beside it.
struct Built {
    number: u64,
    socket: PathBuf,
    /// Always there, but for its drop.
    server: Option<tiny_http::Server>,
}

impl Built {
    fn build(folder: &Path, number: u64) -> io::Result<Arc<Self>> {
        let socket = folder.join(format!("http-{number}"));
        let server = tiny_http::Server::http_unix(&socket).map_err(io::Error::other)?;
        Ok(Arc::new(Self { number, socket, server: Some(server) }))
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        // Its drop may panic.
        let server = AssertUnwindSafe(self.server.take());
        let _ = catch_unwind(move || drop(server));
    }
}

impl Http {
    /// Starts a server whose socket lies in `folder`, which is made with mode 0700 and removed at
    /// the end: nobody else may have anything in it. `lines` of them, each with a worker, are
    /// made at first, and then one whenever the returned sender asks.
    pub fn start(
        folder: PathBuf,
        lines: usize,
        translator: Translator,
    ) -> io::Result<(Self, Sender<WantLine>)> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let built = Built::build(&folder, 0)?;
        let stopping = AtomicBool::new(false);
        let inner = Arc::new(Inner { folder, stopping, translator });
        let (want, wanted) = channel();
        let connecting = inner.clone();
        let connector = thread::Builder::new()
            .name("lines".into())
            .spawn(move || connecting.supply(built, &wanted))?;
        for _ in 0..lines {
            // The receiver lives in the thread above.
            let _ = want.send(WantLine);
        }
        Ok((Self { inner, connector }, want))
    }

    /// Ends all threads but those that hang. The gate must have ended, and its lines with it.
    pub fn stop(self) {
        self.inner.stopping.store(true, Ordering::Release);
        let connected = self.connector.join();
        // Lines that came too late for the gate.
        drop(self.inner.translator.callers.notes());
        // A thread that panicked has ended too.
        let _ = connected.map(|workers| workers.recv_timeout(LAST));
        let _ = fs::remove_dir_all(&self.inner.folder);
    }
}

impl Inner {
    /// Makes lines as they are wanted.
    fn supply(self: &Arc<Self>, mut built: Arc<Built>, wanted: &Receiver<WantLine>) -> Ended {
        let (alive, ended) = channel();
        while let Ok(WantLine) = wanted.recv() {
            while !self.stopping.load(Ordering::Acquire) {
                let line = self.hire(&built, &alive).and_then(|stay| self.connect(stay));
                match line {
                    Ok(line) => {
                        self.translator.callers.tell(Note::Line(line));
                        break;
                    }
                    Err(error) => {
                        log::debug!("no line to the inner HTTP server: {error}");
                        self.translator.callers.tell(Note::Cramped);
                        if is_dead(&error) {
                            self.rebuild(&mut built);
                        }
                        thread::sleep(PATIENCE);
                    }
                }
            }
        }
        ended
    }

    /// Puts a new server in the place of one that has died. What goes over the lines of the old
    /// one is served as before.
    fn rebuild(&self, built: &mut Arc<Built>) {
        match Built::build(&self.folder, built.number + 1) {
            Ok(fresh) => {
                log::warn!("the inner HTTP server accepts no more; it was built anew");
                self.translator.counters.rebuilt.count();
                *built = fresh;
            }
            Err(error) => {
                log::error!("the inner HTTP server accepts no more and cannot be built: {error}");
            }
        }
    }

    /// Starts a worker.
    fn hire(self: &Arc<Self>, built: &Arc<Built>, alive: &Sender<Infallible>) -> io::Result<Stay> {
        let (inner, own, alive) = (self.clone(), built.clone(), alive.clone());
        thread::Builder::new().name("worker".into()).spawn(move || {
            if let Some(server) = &own.server {
                inner.work(server);
            }
            // In this order: who waits for its end relies on nothing being held any more.
            drop((inner, own, alive));
        })?;
        Ok(Stay(built.clone()))
    }

    /// A worker's life.
    fn work(&self, server: &tiny_http::Server) {
        loop {
            match server.recv() {
                Ok(request) => self.answer(request),
                // It could not accept and has died of it: who wants the next line finds out.
                Err(error) if error.raw_os_error().is_some() => {}
                // A line is gone.
                Err(_) => return,
            }
        }
    }

    fn answer(&self, request: tiny_http::Request) {
        let answered = catch_unwind(AssertUnwindSafe(|| {
            self.translator.answer(request);
        }));
        if answered.is_err() {
            self.translator.counters.panics.count();
        }
    }

    /// A connection that has been answered once. Only then does a thread of tiny_http's serve
    /// it for certain: it may leave one without, when several come at the same time.
    fn connect(&self, stay: Stay) -> io::Result<Connection> {
        let mut line = UnixStream::connect(&stay.0.socket)?;
        line.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
        line.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut answer = [0; 512];
        let mut length = 0;
        while !answer[..length].ends_with(b"\r\n\r\n") {
            match line.read(&mut answer[length..]) {
                Ok(0) => return Err(io::ErrorKind::ConnectionAborted.into()),
                Ok(n) => length += n,
                // All workers are busy; they may be so for as long as their requests take.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.stopping.load(Ordering::Acquire) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        line.set_nonblocking(true)?;
        Ok(Connection { socket: line, _stay: stay })
    }
}

/// Whether nobody accepts any more, by how a connection failed. One that is short of descriptors
/// tells nothing of the other side.
fn is_dead(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, NotFound,
    };
    let dead = [BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, NotFound];
    dead.contains(&error.kind())
}
