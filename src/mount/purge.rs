//! What nobody can reach any more, such as what an engine leaves that was unmounted: deleted little
//! by little, so that neither memory nor the length of a commit grows with how much it is.
//!
//! | entry of the system | what it notes |
//! |---|---|
//! | `core/purge/MOUNT` | everything of this mount is to be deleted |
//! | `core/purge/MOUNT/FOLDER` | everything below this folder of it |

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

/// A mount that is gone, or a folder of which is, and of which entries may be left.
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

/// Deletes everything below a folder that will not be used again: a little of it at once, and the
/// rest, which is noted, by and by.
pub fn remove(txn: &mut Txn, mount: MountId, folder: &str) -> Result<(), TxnError> {
    if txn.scope_under(mount, folder)?.delete_some(STEP)? {
        return Ok(());
    }
    txn.scope(MountId::SYSTEM).write(&format!("{FOLDER}/{mount}/{folder}"), &Gone { mount })
}

/// Deletes a little of what was noted; whether there may be more.
pub fn step(unsealed: &Arc<Unsealed>) -> Result<bool, TxnError> {
    unsealed.transact(|txn| {
        txn.set_urgency(Urgency::Essential);
        let Some((note, folder)) = a_note(txn)? else { return Ok(false) };
        let Some(Gone { mount }) = txn.scope(MountId::SYSTEM).read(&note)? else {
            return Ok(false);
        };
        if txn.scope_under(mount, &folder)?.delete_some(STEP)? {
            txn.scope(MountId::SYSTEM).delete(&note)?;
        }
        Ok(true)
    })
}

/// The path of a note, and the folder that it names; an empty one is the whole mount.
fn a_note(txn: &mut Txn) -> Result<Option<(String, String)>, TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    let Some(mount) = system.list_some(FOLDER, 1)?.pop() else { return Ok(None) };
    let path = format!("{FOLDER}/{mount}");
    if !mount.ends_with('/') {
        return Ok(Some((path, String::new())));
    }
    let folder = system.list_some(&path, 1)?.pop();
    Ok(folder.map(|folder| (format!("{path}{folder}"), folder)))
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

    #[test]
    fn a_folder_goes_at_once_where_it_is_small_and_else_by_and_by() {
        let entropy = Arc::new(SeededEntropy::new(2));
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let barrier = Barrier::new(Arc::new(Memory::new()), clock, entropy.clone());
        let split = Split::new(1, 1).unwrap();
        let made = barrier.initialize(split, |_| Ok::<_, Box<dyn std::error::Error>>(()));
        let store = barrier.unseal(&combine(&made.unwrap().0).unwrap()).unwrap();
        let entries = || barrier.unsealed().unwrap().status().tally.entries;
        let mount = MountId::random(&*entropy);
        let put = |path: &str, length: usize| {
            store.transact(|txn| txn.scope(mount).put(path, &vec![0; length])).unwrap();
        };
        put("kept/a", 1);
        let before = entries();
        for n in 0..3 {
            put(&format!("small/{n}"), 1);
        }
        (0..10).for_each(|n| put(&format!("large/{n}"), STEP / 4));
        store
            .transact(|txn| {
                txn.scope(mount).put("small/new", b"about to be written")?;
                remove(txn, mount, "small")
            })
            .unwrap();
        assert_eq!(entries(), before + 10);
        store.transact(|txn| remove(txn, mount, "large")).unwrap();
        assert_eq!(entries(), before + 1 + 6, "the note, and a step is four entries");
        while step(&store).unwrap() {}
        assert_eq!(entries(), before);
    }
}
