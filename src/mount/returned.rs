//! What a restore brings back of auth methods that had ended: the tokens that came through them,
//! those too that are stored nowhere.

use serde::{Deserialize, Serialize};

use super::store::MountStore;
use super::table::MountTable;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::record::Record;

/// Where it is noted, for each restore, until it is seen to.
const FOLDER: &str = "core/returned";

/// The auth methods that there were, by their paths and their stays there, when a restore put the
/// store: the others had ended.
#[derive(Serialize, Deserialize)]
struct Lasting(Vec<(String, MountId)>);

impl Record for Lasting {
    const VERSION: u8 = 1;
}

/// What a restore of that name notes of the mounts that there are, and where.
pub fn noted(restore: &str, table: &MountTable) -> (String, Vec<u8>) {
    let lasting = table.iter().filter(|mount| mount.is_auth());
    let lasting = Lasting(lasting.map(|mount| (mount.path.clone(), mount.stay)).collect());
    (format!("{FOLDER}/{restore}"), lasting.encode().to_vec())
}

/// Begins another stay of each auth method that a restore has brought back, where it was to: no
/// token of before lives by it. For who opens the store, as a restore may have noted it.
pub fn begin_anew(mounts: &MountStore, txn: &mut Txn) -> Result<(), TxnError> {
    for restore in txn.scope(MountId::SYSTEM).list(FOLDER)? {
        let (mut system, note) = (txn.scope(MountId::SYSTEM), format!("{FOLDER}/{restore}"));
        let Some(Lasting(lasting)) = system.read(&note)? else { continue };
        system.delete(&note)?;
        let lasts = |path: &str, stay| lasting.iter().any(|(p, s)| (&**p, *s) == (path, stay));
        for mount in mounts.read(txn)?.iter() {
            if mount.is_auth() && !lasts(&mount.path, mount.stay) {
                mounts.put(txn, mounts.anew(mount))?;
            }
        }
    }
    Ok(())
}
