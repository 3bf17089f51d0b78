//! What is done now and then while nobody asks: maintenance of the store, the scrub, the renewal
//! of our own certificate.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::front::Certificates;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::server::Front;
use crate::storage::Storage;
use crate::storage::redb::Repair;

/// How often the store is maintained.
const MAINTENANCE: Duration = Duration::from_secs(10);

/// What is looked after.
pub struct Care {
    pub storage: Arc<dyn Storage>,
    pub front: Arc<Front>,
    pub certificates: Certificates,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// The thread that does it.
pub struct Housekeeping {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Housekeeping {
    /// Begins.
    pub fn start(mut care: Care) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let work = move || {
            while !is_stopped(&stopped, MAINTENANCE) {
                care.round();
            }
        };
        let thread = thread::Builder::new().name("housekeeping".to_owned()).spawn(work)?;
        Ok(Self { stop, thread })
    }

    /// Ends.
    pub fn stop(self) {
        // A thread that panicked has ended too.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

fn is_stopped(stopped: &Receiver<()>, patience: Duration) -> bool {
    !matches!(stopped.recv_timeout(patience), Err(RecvTimeoutError::Timeout))
}

impl Care {
    fn round(&mut self) {
        if let Err(error) = self.storage.maintain() {
            log::warn!("maintenance of the store: {error}");
        }
        match self.certificates.renew(&*self.clock, &*self.entropy) {
            Ok(false) => {}
            Ok(true) => {
                if let Err(error) = self.front.reload() {
                    log::error!("the new certificate cannot be used: {error}");
                }
            }
            Err(error) => log::error!("the certificate cannot be renewed: {error}"),
        }
    }
}

/// A store that was not closed is read whole before it is served: how far that is.
pub fn tell_repair(repair: Repair) {
    let megabytes = |bytes: u64| bytes >> 20;
    let (read, size) = (megabytes(repair.read), megabytes(repair.size));
    log::warn!("the store was not closed: it is looked through, {read} of {size} MB");
    // systemd is not to lose patience; outside of it there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::ExtendTimeoutUsec(30_000_000)]);
}
