//! The inner HTTP server: tiny_http on a Unix socket that nobody but the gate reaches.

use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::gate::WantLine;
use super::gate::callers::Note;
use super::translate::Translator;
use crate::base::sync::lock;

/// How long to wait before a failed attempt to build or to reach the server is repeated.
const PATIENCE: Duration = Duration::from_millis(50);

/// The inner server with its threads.
pub struct Http {
    inner: Arc<Inner>,
    workers: Vec<JoinHandle<()>>,
    connector: JoinHandle<()>,
}

struct Inner {
    folder: PathBuf,
    built: Mutex<Built>,
    stopping: AtomicBool,
    workers: usize,
    translator: Translator,
}

/// One tiny_http of several: it is built anew when it has died.
#[derive(Clone)]
struct Built {
    number: u64,
    socket: PathBuf,
    server: Arc<tiny_http::Server>,
}

impl Http {
    /// Starts `workers` threads around a server whose socket lies in `folder`, which is made with
    /// mode 0700 and removed at the end: nobody else may have anything in it. Lines are made for
    /// whoever asks by the returned sender.
    pub fn start(
        folder: PathBuf,
        workers: usize,
        translator: Translator,
    ) -> io::Result<(Self, Sender<WantLine>)> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let built = Mutex::new(Built::build(&folder, 0)?);
        let stopping = AtomicBool::new(false);
        let inner = Arc::new(Inner { folder, built, stopping, workers, translator });
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.to_owned()).spawn(work)
        };
        let threads = (0..workers).map(|_| {
            let inner = inner.clone();
            spawn("worker", Box::new(move || inner.work()))
        });
        let threads = threads.collect::<io::Result<_>>()?;
        let (want, wanted) = channel();
        let connecting = inner.clone();
        let connector = spawn("lines", Box::new(move || connecting.supply(&wanted)))?;
        for _ in 0..workers {
            // The receiver lives in the thread above.
            let _ = want.send(WantLine);
        }
        Ok((Self { inner, workers: threads, connector }, want))
    }

    /// Ends all threads. The gate must have ended: its lines keep tiny_http's threads.
    pub fn stop(self) {
        self.inner.stopping.store(true, Ordering::Release);
        let built = self.inner.current();
        for _ in 0..self.inner.workers {
            built.server.unblock();
        }
        // A thread that panicked has ended too.
        let _ = self.connector.join();
        for worker in self.workers {
            let _ = worker.join();
        }
        built.retire();
        let _ = fs::remove_dir_all(&self.inner.folder);
    }
}

impl Built {
    fn build(folder: &Path, number: u64) -> io::Result<Self> {
        let socket = folder.join(format!("http-{number}"));
        let server = tiny_http::Server::http_unix(&socket).map_err(io::Error::other)?;
        Ok(Self { number, socket, server: Arc::new(server) })
    }

    /// Lets go of a server; its drop may panic.
    fn retire(self) {
        let server = AssertUnwindSafe(self.server);
        let _ = catch_unwind(move || drop(server));
    }
}

impl Inner {
    fn current(&self) -> Built {
        lock(&self.built).clone()
    }

    /// Puts a new server in the place of one that has died, unless another thread has done so.
    fn rebuild(&self, dead: &Built) {
        let mut built = lock(&self.built);
        if built.number != dead.number || self.stopping.load(Ordering::Acquire) {
            return;
        }
        match Built::build(&self.folder, dead.number + 1) {
            Ok(fresh) => {
                log::warn!("the inner HTTP server had ended; it was built anew");
                self.translator.counters.rebuilt.count();
                let old = std::mem::replace(&mut *built, fresh);
                for _ in 0..self.workers {
                    old.server.unblock();
                }
                old.retire();
            }
            Err(error) => {
                log::error!("the inner HTTP server has ended and cannot be built: {error}");
                drop(built);
                thread::sleep(PATIENCE);
            }
        }
    }

    /// A worker's life.
    fn work(&self) {
        while !self.stopping.load(Ordering::Acquire) {
            let built = self.current();
            match built.server.recv() {
                Ok(request) => self.answer(request),
                Err(_) => {
                    if built.number == self.current().number {
                        self.rebuild(&built);
                    }
                }
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

    /// Makes lines as they are wanted.
    fn supply(&self, wanted: &Receiver<WantLine>) {
        while let Ok(WantLine) = wanted.recv() {
            while !self.stopping.load(Ordering::Acquire) {
                let built = self.current();
                match self.connect(&built.socket) {
                    Ok(line) => {
                        self.translator.callers.tell(Note::Line(line));
                        break;
                    }
                    Err(error) => {
                        log::debug!("no line to the inner HTTP server: {error}");
                        self.translator.callers.tell(Note::Cramped);
                        self.rebuild(&built);
                        thread::sleep(PATIENCE);
                    }
                }
            }
        }
    }

    /// A connection that has been answered once. Only then does a thread of tiny_http's serve
    /// it for certain: it may leave one without, when several come at the same time.
    fn connect(&self, socket: &Path) -> io::Result<UnixStream> {
        let mut line = UnixStream::connect(socket)?;
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
        Ok(line)
    }
}
