//! What is left of engines that were unmounted: deleted little by little, so that neither memory
//! nor the length of a commit grows with what a mount held.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::barrier::Unsealed;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::record::Record;
use crate::storage::Urgency;

/// Where the notes lie in the system's part of the store.
const FOLDER: &str = "core/purge";
/// A step ends with the entry that makes it this long, in bytes as they are stored.
const STEP: usize = 1 << 20;

/// A mount that is gone and of which entries may be left.
#[derive(Serialize, Deserialize)]
struct Gone {
    mount: MountId,
}

impl Record for Gone {
    const VERSION: u8 = 1;
}

/// Notes that everything of `mount`, which is in the table no more, is to be deleted.
pub fn note(txn: &mut Txn, mount: MountId) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).write(&format!("{FOLDER}/{mount}"), &Gone { mount })
}

/// Deletes a little of what was noted; whether there may be more.
pub fn step(unsealed: &Arc<Unsealed>) -> Result<bool, TxnError> {
    unsealed.transact(|txn| {
        txn.set_urgency(Urgency::Essential);
        let mut system = txn.scope(MountId::SYSTEM);
        let Some(name) = system.list(FOLDER)?.into_iter().next() else { return Ok(false) };
        let path = format!("{FOLDER}/{name}");
        let Some(Gone { mount }) = system.read(&path)? else { return Ok(false) };
        if txn.scope(mount).delete_some(STEP)? {
            txn.scope(MountId::SYSTEM).delete(&path)?;
        }
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier::Barrier;
    use crate::barrier::seal::shamir::{Split, combine};
    use crate::base::clock::{ManualClock, Timestamp};
    use crate::base::entropy::SeededEntropy;
    use crate::storage::memory::Memory;

    #[test]
    fn what_was_unmounted_goes_little_by_little_also_after_a_restart() {
        let entropy = Arc::new(SeededEntropy::new(1));
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let barrier = Barrier::new(Arc::new(Memory::new()), clock, entropy.clone());
        let split = Split::new(1, 1).unwrap();
        let made = barrier.initialize(split, |_| Ok::<_, Box<dyn std::error::Error>>(()));
        let key = combine(&made.unwrap().0).unwrap();
        let store = barrier.unseal(&key).unwrap();
        let entries = || barrier.unsealed().unwrap().status().tally.entries;
        let [kept, gone] = [(); 2].map(|()| MountId::random(&*entropy));
        let put = |mount: MountId, n: u64| {
            let value = vec![0; STEP / 4];
            store.transact(|txn| txn.scope(mount).put_part("a/b", n, &value)).unwrap();
        };
        put(kept, 0);
        let before = entries();
        (0..10).for_each(|n| put(gone, n));
        store.transact(|txn| note(txn, gone)).unwrap();
        assert!(step(&store).unwrap());
        assert_eq!(entries(), before + 1 + 6, "the note, and a step is four entries");
        barrier.seal();
        let store = barrier.unseal(&key).unwrap();
        while step(&store).unwrap() {}
        assert_eq!(entries(), before);
    }
}
