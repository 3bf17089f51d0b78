//! The devices of a server: which there are, and that each of them has each entry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock, Weak};

use super::device::Device;
use super::entry::Entry;
use super::headers::AuditedHeadersCache;
use super::meters::Meters;
use super::options::{Kind, Options};
use super::store::{self, StoredDevice};
use crate::barrier::Unsealed;
use crate::barrier::txn::TxnError;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::meter::{Metered, Readings};
use crate::base::sync::{lock, read, write};
use crate::storage::Urgency;

/// Devices at most: each entry goes to all of them.
const MOST: usize = 32;
/// Bytes at most of what is sent of a device: path, description and options.
const MOST_SENT: usize = 64 << 10;

/// The devices of a server.
pub struct Audit {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Where the store lies: no log is written in there.
    store: Option<PathBuf>,
    /// Which headers of requests are told.
    pub headers: Arc<AuditedHeadersCache>,
    /// Held by whoever changes which devices there are, one at a time.
    changing: Mutex<()>,
    /// Held for a moment only: each request looks here.
    devices: RwLock<Option<Arc<Devices>>>,
    meters: Arc<Meters>,
}

/// The devices of a store that is unsealed, open.
pub struct Devices {
    of: Weak<Unsealed>,
    all: Vec<Arc<Device>>,
    meters: Arc<Meters>,
}

/// A device that is to be enabled.
pub struct Wanted {
    /// Its path.
    pub path: String,
    /// Its type.
    pub kind: String,
    /// Free text.
    pub description: String,
    /// Accepted and shown.
    pub local: bool,
    /// What it is asked to be.
    pub options: Option<BTreeMap<String, String>>,
}

impl Audit {
    /// Nothing is opened yet. `store` is the folder that the store lies in.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, store: Option<PathBuf>) -> Self {
        let (headers, changing, devices) = Default::default();
        let meters = Arc::new(Meters::new(&clock));
        Self { clock, entropy, store, headers, changing, devices, meters }
    }

    /// The devices that requests to that store are written to; `None` when there are none. They
    /// are opened by whoever comes first.
    pub fn devices(&self, unsealed: &Arc<Unsealed>) -> Result<Option<Arc<Devices>>, TxnError> {
        if let Some(known) = &*read(&self.devices)
            && known.are_of(unsealed)
        {
            return Ok(known.unless_none());
        }
        let _changing = lock(&self.changing);
        Ok(self.load(unsealed)?.unless_none())
    }

    /// The same, if they are open.
    pub fn known(&self, of: &Weak<Unsealed>) -> Option<Arc<Devices>> {
        read(&self.devices).as_ref().filter(|known| known.of.ptr_eq(of)).cloned()
    }

    /// Enables a device, after it has taken a test entry.
    pub fn enable(&self, unsealed: &Arc<Unsealed>, wanted: Wanted) -> Result<(), Fault> {
        let _changing = lock(&self.changing);
        let known = self.load(unsealed)?;
        let path = with_slash(&wanted.path);
        known.check_room(&path, &wanted)?;
        let options = Options::read(&wanted.kind, &wanted.options.clone().unwrap_or_default())?;
        self.keep_out_of_the_store(&options.kind)?;
        let stored = StoredDevice {
            id: self.entropy.hex(8),
            path,
            kind: wanted.kind,
            description: wanted.description,
            local: wanted.local,
            options: wanted.options,
            salt: self.entropy.bytes(),
        };
        let device = Device::new(&stored, &options, &self.clock);
        device.open().map_err(|error| {
            let file = options.kind.file().map(Path::to_string_lossy).unwrap_or_default();
            let file = golang::quote(&file);
            let text = format!("sanity check failed; unable to open {file} for writing: {error}");
            Fault::bad_request(text)
        })?;
        if !options.skip_test {
            let tested = device.test(unsealed.time().now(), self.entropy.uuid());
            tested.map_err(|error| {
                Fault::bad_request(format!("audit backend failed test message: {error}"))
            })?;
        }
        unsealed.transact(|txn| store::put(txn, &stored))?;
        log::info!("audit device {} ({}) was enabled", stored.path, stored.kind);
        let all = known.all.iter().cloned().chain([Arc::new(device)]).collect();
        self.publish(unsealed, all);
        Ok(())
    }

    /// Disables the device at `path`, if there is one.
    pub fn disable(&self, unsealed: &Arc<Unsealed>, path: &str) -> Result<(), Fault> {
        let _changing = lock(&self.changing);
        let known = self.load(unsealed)?;
        let path = with_slash(path);
        let found = unsealed.transact(|txn| {
            txn.set_urgency(Urgency::Essential);
            let found = store::all(txn)?.into_iter().find(|device| device.path == path);
            if let Some(device) = &found {
                store::remove(txn, &device.id)?;
            }
            Ok::<_, TxnError>(found)
        })?;
        if found.is_some() {
            log::info!("audit device {path} was disabled");
            let rest = known.all.iter().filter(|device| device.path() != path);
            self.publish(unsealed, rest.cloned().collect());
        }
        Ok(())
    }

    /// What stands for `text` in the entries of the device at `path`; `None` without one.
    pub fn hash(
        &self,
        unsealed: &Arc<Unsealed>,
        path: &str,
        text: &str,
    ) -> Result<Option<String>, TxnError> {
        let devices = self.devices(unsealed)?;
        let mut devices = devices.iter().flat_map(|devices| &devices.all);
        let path = with_slash(path);
        let device = devices.find(|device| device.path() == path);
        Ok(device.map(|device| device.hash(text)))
    }

    /// Opens files anew, after they were moved away, and connects anew.
    pub fn reopen(&self) {
        for device in self.open_ones() {
            match device.reopen() {
                Ok(()) => log::info!("audit device {} was opened anew", device.path()),
                Err(error) => log::error!(
                    "audit device {} cannot be opened anew: {error}; it goes on as it was",
                    device.path()
                ),
            }
        }
    }

    /// Tries those that fail again, with an entry of no request.
    pub fn retry(&self) {
        for device in self.open_ones().into_iter().filter(|device| device.trouble().is_some()) {
            device.retry(self.clock.wall(), self.entropy.uuid());
        }
    }

    /// What is wrong with the devices, in a line that names none of them.
    pub fn trouble(&self) -> Option<String> {
        let devices = self.open_ones();
        let troubles: Vec<String> = devices.iter().filter_map(|device| device.trouble()).collect();
        let first = troubles.first()?;
        let (failing, all) = (troubles.len(), devices.len());
        let refused = if failing == all { ", so that requests are refused" } else { "" };
        Some(format!("{failing} of {all} audit devices cannot be written to{refused}: {first}"))
    }

    /// Closes them: the store is sealed.
    pub fn close(&self) {
        *write(&self.devices) = None;
    }

    fn open_ones(&self) -> Vec<Arc<Device>> {
        read(&self.devices).as_ref().map(|devices| devices.all.clone()).unwrap_or_default()
    }

    /// The devices of that store; opened if they are not. Only for who changes them.
    fn load(&self, unsealed: &Arc<Unsealed>) -> Result<Arc<Devices>, TxnError> {
        if let Some(known) = &*read(&self.devices)
            && known.are_of(unsealed)
        {
            return Ok(known.clone());
        }
        let stored = store::all(&mut unsealed.begin()?)?;
        let all = stored.iter().map(|stored| Arc::new(Device::restored(stored, &self.clock)));
        let all: Vec<Arc<Device>> = all.collect();
        for device in &all {
            if let Err(error) = device.open() {
                device.note(&error);
            }
        }
        Ok(self.publish(unsealed, all))
    }

    fn publish(&self, unsealed: &Arc<Unsealed>, all: Vec<Arc<Device>>) -> Arc<Devices> {
        let (of, meters) = (Arc::downgrade(unsealed), self.meters.clone());
        let devices = Arc::new(Devices { of, all, meters });
        *write(&self.devices) = Some(devices.clone());
        devices
    }

    /// A log in the store's own folder could take its name, or its last room.
    fn keep_out_of_the_store(&self, kind: &Kind) -> Result<(), Fault> {
        let (Some(path), Some(store)) = (kind.file(), &self.store) else { return Ok(()) };
        let folder = path.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok());
        let file = path.canonicalize().ok();
        let inside = |path: &PathBuf| path.starts_with(store);
        if folder.as_ref().is_some_and(inside) || file.as_ref().is_some_and(inside) {
            return Err(Fault::bad_request("an audit log cannot lie in the folder of the store"));
        }
        Ok(())
    }
}

impl Metered for Audit {
    fn tell(&self, to: &mut Readings) {
        self.meters.tell("", to);
        self.open_ones().iter().for_each(|device| device.tell(to));
    }
}

impl Devices {
    /// Writes an entry to all of them; whether one has it at least, where there is one.
    #[must_use]
    pub fn log(&self, entry: &Entry<'_>) -> bool {
        let _writing = self.meters.begin(entry);
        let mut written = false;
        for device in &self.all {
            written |= device.log(entry);
        }
        let logged = written || self.all.is_empty();
        if !logged {
            self.meters.failed(entry);
        }
        logged
    }

    /// Refuses a device for which there is no room.
    fn check_room(&self, path: &str, wanted: &Wanted) -> Result<(), Fault> {
        let meets = |own: &str| own.starts_with(path) || path.starts_with(own);
        if self.all.iter().any(|device| meets(device.path())) {
            return Err(Fault::bad_request("path already in use"));
        }
        if self.all.len() >= MOST {
            return Err(Fault::bad_request(format!("at most {MOST} audit devices can be enabled")));
        }
        let options = wanted.options.iter().flatten();
        let options: usize = options.map(|(name, text)| name.len() + text.len()).sum();
        if path.len() + wanted.description.len() + options > MOST_SENT {
            let text = format!("path, description and options have at most {MOST_SENT} bytes");
            return Err(Fault::bad_request(text));
        }
        Ok(())
    }

    fn are_of(&self, unsealed: &Arc<Unsealed>) -> bool {
        std::ptr::eq(self.of.as_ptr(), Arc::as_ptr(unsealed))
    }

    fn unless_none(self: &Arc<Self>) -> Option<Arc<Self>> {
        (!self.all.is_empty()).then(|| self.clone())
    }
}

/// A device's path: it ends in one slash.
fn with_slash(path: &str) -> String {
    format!("{}/", path.trim_end_matches('/'))
}
