//! Encryption: what stands between everything that knows secrets and everything that stores bytes.
//!
//! [`Barrier`] is the store of a running server, sealed or not. [`Unsealed`] is what its keys make
//! of it: a request holds one while it runs and works in a [`txn::Txn`].

pub mod automatic;
pub mod envelope;
mod error;
pub mod instant;
pub mod journal;
pub mod keyring;
mod meters;
pub mod names;
pub mod newer;
pub mod owed;
pub mod past;
pub mod restore;
pub mod root;
pub mod scrub;
pub mod seal;
mod served;
pub mod stamps;
pub mod txn;
pub mod verify;
mod walk;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock, RwLockReadGuard};
use std::time::Duration;

use zeroize::Zeroizing;

pub use self::error::{InitError, UnsealError};
use self::journal::{Head, JournalBooks};
use self::keyring::{Keyring, Rotation};
use self::meters::Meters;
use self::names::Names;
use self::past::Pasts;
use self::root::{Books, EntryHasher, RootKeeper, RootRecord};
use self::scrub::Scrubbed;
use self::seal::auto::AutoSeal;
use self::seal::shamir::Split;
use self::seal::{SealRecord, Settings};
use self::served::{Opening, WhenOpened};
use self::stamps::Stamps;
use self::txn::{Txn, TxnError};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::pages::Key;
use crate::base::record::Record;
use crate::base::secret::Secret;
use crate::base::sync::{lock, read, try_lock, try_read, write};
use crate::base::timekeeper::TimeKeeper;
use crate::storage::commit::{Changes, CommitError, Committer, Exclusive, Pulse, Reads};
use crate::storage::{Key as Place, Storage, StorageError, Urgency, Value, View};

/// The first byte of the records of the system, which stand before everything else.
pub const SYSTEM: u8 = 0;
/// Where the seal record stands: the one entry in the clear.
pub const SEAL: &[u8] = b"\0seal";
/// Where the keyring stands, sealed by the root key.
pub const KEYRING: &[u8] = b"\0keyring";
/// Where the root record stands, sealed by a data key.
pub const ROOT: &[u8] = b"\0root";

/// Where a restore leaves its note: the seal record that the root record counts. It is itself not
/// counted.
pub const RESTORED: &[u8] = b"\0restored";

/// An opened value, wiped when dropped.
pub type Opened = Zeroizing<Vec<u8>>;

/// The store of a server.
pub struct Barrier {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    seal: Option<Arc<dyn AutoSeal>>,
    /// Held by whoever changes what the store is: init, unseal, seal and restore, one at a time.
    changing: Mutex<()>,
    /// Held by whoever makes its keys.
    making: Mutex<()>,
    /// Held for a moment only: each request begins by looking here.
    unsealed: RwLock<Option<Arc<Unsealed>>>,
    /// Held by a restore until what it has put is open, or is known to take longer.
    turn: Mutex<()>,
    /// Held for writing by whoever opens it.
    opening: RwLock<()>,
    when_opened: OnceLock<WhenOpened>,
    when_unsealed: OnceLock<Box<Opening>>,
    meters: Arc<Meters>,
}

impl Barrier {
    /// A store, sealed as it is found. People hold its unseal key, unless it is given an automatic
    /// [seal](Self::with_seal).
    pub fn new(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let (changing, making, unsealed, turn, opening, when_opened, when_unsealed) =
            Default::default();
        let (meters, seal) = (Arc::new(Meters::new(&clock)), None);
        Self {
            storage,
            clock,
            entropy,
            seal,
            changing,
            making,
            unsealed,
            turn,
            opening,
            when_opened,
            when_unsealed,
            meters,
        }
    }

    /// The seal's settings; `None` before the store is initialized.
    pub fn settings(&self) -> Result<Option<Settings>, UnsealError> {
        Ok(self.seal_record()?.map(|record| record.settings()))
    }

    /// What the store is while it is unsealed.
    pub fn unsealed(&self) -> Option<Arc<Unsealed>> {
        read(&self.unsealed).clone()
    }

    /// Makes the keys of an empty store and writes them, together with what `fill` writes: all or
    /// nothing. The store stays sealed. Returns the shares of the unseal key or, with an automatic
    /// seal, of the recovery key, which are kept nowhere else.
    pub fn initialize<T, E: From<InitError> + From<TxnError>>(
        &self,
        split: Split,
        fill: impl FnOnce(&mut Txn) -> Result<T, E>,
    ) -> Result<(Vec<Secret>, T), E> {
        // An automatic seal may be slow: nobody stands in line behind it, and nobody else waits.
        let _making = try_lock(&self.making).ok_or(InitError::Underway)?;
        self.must_be_empty()?;
        let root_key = Key::random(&*self.entropy);
        let by = self.configured_seal();
        let (seal, shares) = self.close(&root_key, by, split).map_err(InitError::from)?;
        let _changing = lock(&self.changing);
        self.must_be_empty()?;
        if shares.len() != usize::from(split.shares()) {
            return Err(InitError::Shares.into());
        }
        let keyring = Keyring::generate(&*self.entropy, self.clock.wall());
        let keyring_sealed = keyring.seal(&root_key, &*self.entropy);
        let record = RootRecord::first(&*self.entropy);
        let unsealed =
            Arc::new(Unsealed::new(self, root_key, keyring, record, JournalBooks::new(None, 0)));
        let mut txn = unsealed.begin()?;
        let outcome = fill(&mut txn)?;
        txn.put_system(SEAL, seal.encode().to_vec());
        txn.put_system(KEYRING, keyring_sealed);
        let (birth, stamp) = Stamps::birth();
        txn.put_system(&birth, stamp);
        txn.commit()?;
        Ok((shares, outcome))
    }

    fn must_be_empty(&self) -> Result<(), InitError> {
        let view = self.storage.view()?;
        if view.get(SEAL)?.is_some() {
            return Err(InitError::Initialized);
        }
        match view.scan(&[], None)?.next().transpose()? {
            Some(_) => Err(InitError::Occupied),
            None => Ok(()),
        }
    }

    /// Opens the store with the key that people hold shares of. Opening an open one only checks the
    /// key.
    pub fn unseal(&self, key: &Key<32>) -> Result<Arc<Unsealed>, UnsealError> {
        self.unseal_if(key, || Ok(()))
    }

    /// The same, if that is still wanted when nobody else can open or seal it any more: the key may
    /// have been long on its way.
    pub fn unseal_if(
        &self,
        key: &Key<32>,
        wanted: impl FnOnce() -> Result<(), UnsealError>,
    ) -> Result<Arc<Unsealed>, UnsealError> {
        let _changing = lock(&self.changing);
        let record = self.seal_record()?.ok_or(UnsealError::NotInitialized)?;
        let root_key = record.open_by_people(key)?;
        wanted()?;
        self.unseal_by(root_key, |_| Ok(()))
    }

    /// The same with the root key, by who changes what the store is; `before` anybody else has it.
    fn unseal_by(
        &self,
        root_key: Key<32>,
        before: impl FnOnce(&Arc<Unsealed>) -> Result<(), UnsealError>,
    ) -> Result<Arc<Unsealed>, UnsealError> {
        let _running = self.meters.unseal.begin();
        if let Some(unsealed) = self.unsealed() {
            before(&unsealed)?;
            return Ok(unsealed);
        }
        let opening = write(&self.opening);
        let unsealed = self.open(root_key, None)?;
        self.make_ready(&unsealed)?;
        self.when_unsealed.get().into_iter().for_each(|then| then(&unsealed));
        before(&unsealed)?;
        let mut place = write(&self.unsealed);
        drop(opening);
        *place = Some(Arc::clone(&unsealed));
        Ok(unsealed)
    }

    /// Opens what is there, which may have taken the place of a store that said `replaced`.
    fn open(
        &self,
        root_key: Key<32>,
        replaced: Option<&RootRecord>,
    ) -> Result<Arc<Unsealed>, UnsealError> {
        let view = self.storage.view()?;
        let (keyring, mut record) = open_records(&root_key, &|key| view.get(key))?;
        newer::must_be_known(&*view)?;
        let restored = view.get(RESTORED)?;
        let journal = view.get(journal::HEAD)?.map(|head| Head::decode(&head)).transpose();
        let mut journal = journal.map_err(UnsealError::unread("journal's head"))?;
        let kept = match journal.filter(|_| restored.is_none()) {
            Some(head) => head.bytes,
            None => journal::length(&*view)?,
        };
        let (mut writes, mut notes) = (BTreeMap::new(), Vec::new());
        if let Some(before) = &restored {
            notes = owed::read(&*view, &root_key)?;
            writes.insert(RESTORED.to_vec(), None);
            let present = view.get(SEAL)?.ok_or(UnsealError::Damaged("seal record"))?;
            if *before != present {
                log::warn!("{}", verify::SEAL_REPLACED);
                // Whoever goes along the journal through here needs the shares of now behind it.
                writes.insert(SEAL.to_vec(), Some(present.clone()));
            }
            let hasher = EntryHasher::new(&keyring.fixed().entries);
            record.tally -= hasher.tally(SEAL, before);
            record.tally += hasher.tally(SEAL, &present);
            let left = record.timeline;
            record.timeline = left.next(replaced.map(|of| of.timeline), &*self.entropy);
            // A clock that is behind what is restored is wrong: time goes on from what has passed
            // since, or one time would be in both histories.
            if let Some(replaced) = replaced.filter(|_| self.clock.wall() < record.latest) {
                record.latest = record.latest.max(replaced.latest);
            }
            let RootRecord { timeline, revision, .. } = record;
            journal = journal.map(|head| {
                let leads = head.timeline == left;
                let begin = Head::begin(timeline, revision);
                let next = if leads { head.branch(timeline, revision) } else { begin };
                Head { bytes: kept, cut: head.is_ended(), ..next }
            });
        }
        drop(view);
        let journal = JournalBooks::new(journal, kept);
        let unsealed = Arc::new(Unsealed::new(self, root_key, keyring, record, journal));
        if restored.is_some() {
            unsealed.unproven.store(true, Ordering::Relaxed);
            for note in notes {
                writes.extend(unsealed.by_note(note)?);
            }
            write_records(&unsealed.committer.exclusive(), writes)?;
        }
        Ok(unsealed)
    }

    /// Whether that is a key of what stands in the store.
    pub fn check(&self, unseal_key: &Key<32>) -> Result<(), UnsealError> {
        self.root_key(unseal_key).map(drop)
    }

    /// Lets go of the keys, after the commits (and the restore) that are under way. Requests that
    /// still run may read on in the view that they have; the keys are wiped when the last of them
    /// ends.
    pub fn seal(&self) {
        self.seal_and(|| ());
    }

    /// The same; if it was open, `then` comes before anybody may unseal it again.
    pub fn seal_and(&self, then: impl FnOnce()) {
        // Until the last commit is done nobody may unseal: its keys would miss that commit.
        let _changing = lock(&self.changing);
        let _running = self.meters.seal.begin();
        let unsealed = write(&self.unsealed).take();
        if let Some(unsealed) = unsealed {
            *write(&unsealed.intake) = Intake::Sealed;
            then();
        }
    }

    fn root_key(&self, unseal_key: &Key<32>) -> Result<Key<32>, UnsealError> {
        self.seal_record()?.ok_or(UnsealError::NotInitialized)?.open(unseal_key)
    }

    fn seal_record(&self) -> Result<Option<SealRecord>, UnsealError> {
        let record = self.storage.view()?.get(SEAL)?.map(|record| SealRecord::decode(&record));
        record.transpose().map_err(UnsealError::unread("seal record"))
    }
}

/// A store and its keys.
pub struct Unsealed {
    entropy: Arc<dyn Entropy>,
    root_key: Key<32>,
    names: Names,
    keyring: Arc<RwLock<Arc<Keyring>>>,
    hasher: EntryHasher,
    books: Arc<Mutex<Books>>,
    scrubbed: Mutex<Option<Arc<Scrubbed>>>,
    /// True from a restore, or a doubt, until a recount was asked for.
    unproven: AtomicBool,
    time: Arc<TimeKeeper>,
    committer: Committer,
    /// Held for reading by each commit.
    intake: RwLock<Intake>,
    meters: Arc<Meters>,
    /// Its earlier states that can be read. They end with it.
    pasts: Pasts,
}

/// Whether commits are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intake {
    /// They are.
    Open,
    /// Not while the store is being replaced, which may take minutes.
    Restoring,
    /// No more, and nothing is read either: it was replaced.
    Replaced,
    /// No more: the store was sealed.
    Sealed,
}

impl Unsealed {
    fn new(
        barrier: &Barrier,
        root_key: Key<32>,
        keyring: Keyring,
        record: RootRecord,
        journal: JournalBooks,
    ) -> Self {
        let entropy = Arc::clone(&barrier.entropy);
        let time = Arc::new(TimeKeeper::new(Arc::clone(&barrier.clock), record.latest));
        let names = Names::new(&keyring.fixed().names);
        let hasher = EntryHasher::new(&keyring.fixed().entries);
        let keyring = Arc::new(RwLock::new(Arc::new(keyring)));
        let books = Arc::new(Mutex::new(Books { record, recount: None, journal, leaves: None }));
        let keeper = RootKeeper::new(
            Arc::clone(&books),
            Arc::clone(&keyring),
            Arc::clone(&time),
            Arc::clone(&entropy),
        );
        let meters = Arc::clone(&barrier.meters);
        let storage = Arc::clone(&barrier.storage);
        let committer = Committer::new(storage, Box::new(keeper), Arc::clone(&meters.commits));
        Self {
            entropy,
            root_key,
            names,
            keyring,
            hasher,
            books,
            scrubbed: Mutex::new(None),
            unproven: AtomicBool::new(false),
            time,
            committer,
            intake: RwLock::new(Intake::Open),
            meters,
            pasts: Pasts::default(),
        }
    }

    /// Begins a transaction on the newest committed state.
    pub fn begin(self: &Arc<Self>) -> Result<Txn, TxnError> {
        let begin = self.committer.begin()?;
        // In this order: what is replaced from now on this does not see.
        self.must_be_of_this(&*begin.view)?;
        Ok(Txn::new(Arc::clone(self), begin))
    }

    /// The newest committed state.
    fn view(&self) -> Result<Box<dyn View>, TxnError> {
        let view = self.committer.begin()?.view;
        self.must_be_of_this(&*view)?;
        Ok(view)
    }

    /// Refuses a view of what has taken the place of this store, or may have since it was sealed:
    /// who is told there by which tokens live is told so by the one that is opened for it.
    fn must_be_of_this(&self, view: &dyn View) -> Result<(), TxnError> {
        // Who waits for it here may hold it.
        let intake = try_read(&self.intake).map(|intake| *intake);
        let replaced = match intake {
            Some(Intake::Open) => false,
            Some(Intake::Replaced) => true,
            Some(Intake::Sealed) => return Err(TxnError::Sealed),
            Some(Intake::Restoring) | None => view.get(RESTORED)?.is_some(),
        };
        if replaced { Err(TxnError::Gone) } else { Ok(()) }
    }

    /// Runs `job` in a transaction and commits it. After three conflicts it runs alone, all other
    /// commits waiting, so that it always ends.
    pub fn transact<T, E: From<TxnError>>(
        self: &Arc<Self>,
        mut job: impl FnMut(&mut Txn) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transact_with(&mut (), |(), txn| job(txn), |()| Ok(()))
    }

    /// The same for a job with a `state` that outlives its runs. `ready` is called after each run,
    /// before its commit, when it reads no more and so holds no old state of the store: what waits
    /// for somebody outside waits there. Where it fails, nothing is committed.
    pub fn transact_with<S, T, E: From<TxnError>>(
        self: &Arc<Self>,
        state: &mut S,
        mut job: impl FnMut(&mut S, &mut Txn) -> Result<T, E>,
        mut ready: impl FnMut(&mut S) -> Result<(), E>,
    ) -> Result<T, E> {
        for _ in 0..3 {
            let mut txn = self.begin()?;
            let outcome = job(state, &mut txn)?;
            let finished = txn.finish();
            ready(state)?;
            match finished.commit() {
                Ok(()) => return Ok(outcome),
                Err(TxnError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let _open = self.hold_open()?;
        let alone = self.committer.exclusive();
        let mut txn = Txn::new(Arc::clone(self), alone.begin().map_err(TxnError::from)?);
        let outcome = job(state, &mut txn)?;
        let finished = txn.finish();
        ready(state)?;
        finished.commit_by(|changes| alone.commit(&changes))?;
        Ok(outcome)
    }

    /// What the writer has done so far; none while nobody writes.
    pub fn pulse(&self) -> Option<Pulse> {
        self.committer.pulse()
    }

    /// What the root record says.
    pub fn status(&self) -> RootRecord {
        lock(&self.books).record.clone()
    }

    /// The time that everything in this store goes by.
    pub fn time(&self) -> &Arc<TimeKeeper> {
        &self.time
    }

    /// Hashes entries as the root record counts them.
    pub fn hasher(&self) -> &EntryHasher {
        &self.hasher
    }

    /// The keys in force.
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&read(&self.keyring))
    }

    /// Adds a term to the keyring; what is sealed from now on is sealed under it.
    pub fn rotate(&self) -> Result<(), TxnError> {
        self.change_keyring(|keyring| keyring.rotated(&*self.entropy, self.time.now()))
    }

    /// Whether a term should be added by now, by the rule of the keyring.
    pub fn rotation_due(&self) -> bool {
        let (keyring, status) = (self.keyring(), self.status());
        let Rotation { enabled, max_operations, interval } = keyring.rotation();
        let age = self.time.now().since(keyring.installed());
        let old = interval > Duration::ZERO && age >= interval;
        let used = status.term == keyring.term() && status.encryptions >= max_operations;
        enabled && (old || used)
    }

    /// Sets when a term is due.
    pub fn set_rotation(&self, rotation: Rotation) -> Result<(), TxnError> {
        self.change_keyring(|keyring| keyring.with_rotation(rotation))
    }

    fn change_keyring(&self, change: impl FnOnce(&Keyring) -> Keyring) -> Result<(), TxnError> {
        let _open = self.hold_open()?;
        let alone = self.committer.exclusive();
        let next = change(&self.keyring());
        let sealed = next.seal(&self.root_key, &*self.entropy);
        write_records(&alone, BTreeMap::from([(KEYRING.to_vec(), Some(sealed))]))?;
        *write(&self.keyring) = Arc::new(next);
        Ok(())
    }

    /// For the length of a commit: the store is not sealed meanwhile.
    fn hold_open(&self) -> Result<RwLockReadGuard<'_, Intake>, TxnError> {
        let intake = read(&self.intake);
        match *intake {
            Intake::Open => Ok(intake),
            Intake::Restoring => Err(TxnError::Restoring),
            Intake::Replaced => Err(TxnError::Gone),
            Intake::Sealed => Err(TxnError::Sealed),
        }
    }
}

/// Writes or removes records of the system.
fn write_records(
    alone: &Exclusive<'_>,
    writes: BTreeMap<Place, Option<Value>>,
) -> Result<(), CommitError> {
    let (base, reads, urgency) = (alone.begin()?.base, Reads::default(), Urgency::Essential);
    alone.commit(&Changes { base, reads, writes, urgency })
}

/// Opens the records that open all others.
fn open_records(root_key: &Key<32>, get: &Get<'_>) -> Result<(Keyring, RootRecord), UnsealError> {
    let keyring = get(KEYRING)?.ok_or(UnsealError::Damaged("keyring"))?;
    let keyring = Keyring::open(root_key, &keyring)?;
    let record = get(ROOT)?.ok_or(UnsealError::Damaged("root record"))?;
    let record = RootRecord::open(&keyring, &record)?;
    Ok((keyring, record))
}

/// Looks up a physical key.
type Get<'a> = dyn Fn(&[u8]) -> Result<Option<Value>, StorageError> + 'a;

#[cfg(test)]
mod tests;
