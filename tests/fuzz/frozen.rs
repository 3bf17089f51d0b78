//! A store whose bytes never change, opened: that of the frozen snapshot (`tests/vectors`).

use std::sync::{Arc, OnceLock};

use edgekeep::barrier::seal::shamir::combine;
use edgekeep::barrier::{Barrier, Unsealed};
use edgekeep::base::clock::{ManualClock, Timestamp};
use edgekeep::base::entropy::SeededEntropy;
use edgekeep::base::pages::Key;
use edgekeep::base::secret::Secret;
use edgekeep::snapshot::format::meta::Meta;
use edgekeep::snapshot::format::read;
use edgekeep::snapshot::format::state::StateReader;
use edgekeep::storage::memory::Memory;
use edgekeep::storage::{Entry, Storage, Urgency, Writer};

/// The store.
pub struct Frozen {
    /// Opens its seal record.
    pub unseal_key: Key<32>,
    /// What the snapshot says of it.
    pub meta: Meta,
    /// All that stands in it.
    pub entries: Vec<Entry>,
    /// It, in memory.
    pub unsealed: Arc<Unsealed>,
}

/// The store, the same for all inputs.
pub fn store() -> &'static Frozen {
    static STORE: OnceLock<Frozen> = OnceLock::new();
    STORE.get_or_init(open)
}

fn open() -> Frozen {
    let lines = include_str!("../vectors/snapshot-1.txt").lines();
    let lines: Vec<_> = lines.filter_map(|line| line.split_once(' ')).collect();
    let all = |word| lines.iter().filter(move |(first, _)| *first == word);
    let shares: Vec<_> = all("share").map(|(_, share)| Secret::new(unhex(share))).collect();
    let unseal_key = combine(&shares[1..]).expect("two of the shares");
    let (_, file) = all("snapshot").next().expect("a snapshot");
    let (frame, entries) = read(&unhex(file)[..], |_, state| {
        let mut state = StateReader::new(state)?;
        let mut entries = Vec::new();
        while let Some(entry) = state.read_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    })
    .expect("a whole one");
    let storage = Arc::new(Memory::new());
    let mut fill = |to: &mut dyn Writer| {
        entries.iter().try_for_each(|(key, value)| to.put(key, value).map(drop))
    };
    storage.write(Urgency::Ordinary, &mut fill).expect("memory takes them");
    let clock = ManualClock::at(Timestamp::from_secs(1_800_000_000));
    let barrier = Barrier::new(storage, Arc::new(clock), Arc::new(SeededEntropy::new(0)));
    let unsealed = barrier.unseal(&unseal_key).expect("its own key");
    Frozen { unseal_key, meta: frame.meta, entries, unsealed }
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}
