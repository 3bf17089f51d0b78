//! What the first commit owes of the history that a restore begins: the restore notes it in what it
//! puts, if the keys are there, so that both come together or not at all. It is sealed by the root
//! key meanwhile, and counted by no root record.

use serde::{Deserialize, Serialize};

use super::envelope::{self, NO_TERM};
use super::names::{MountId, SealedPath};
use super::{UnsealError, Unsealed};
use crate::base::pages::Key;
use crate::base::record::Record;
use crate::storage::commit::Write;
use crate::storage::{Key as Place, StorageError, View, Writer};

/// What the keys begin with; behind it stands a number (4 bytes, the most significant first).
pub const OWED: &[u8] = b"\0first";

/// The key behind the last one that there may be.
const END: &[u8] = b"\0firsu";

/// What such a note is called where it is damaged.
const CALLED: &str = "note of what a restore has yet to do";

/// An entry of the system that is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// Its path.
    pub path: String,
    /// What is to stand there.
    pub value: Vec<u8>,
}

impl Record for Owed {
    const VERSION: u8 = 1;
}

/// Whether such a note stands there.
pub fn is_owed(key: &[u8]) -> bool {
    key.starts_with(OWED)
}

/// The notes of a store, and where they stand.
pub(super) fn read(view: &dyn View, root_key: &Key<32>) -> Result<Vec<(Place, Owed)>, UnsealError> {
    let mut all = Vec::new();
    for entry in view.scan(OWED, Some(END))? {
        let (key, sealed) = entry?;
        let plain = envelope::open(root_key, &key, &sealed);
        let plain = plain.map_err(|_| UnsealError::unopened(CALLED, &sealed))?;
        all.push((key, Owed::decode(&plain).map_err(UnsealError::unread(CALLED))?));
    }
    Ok(all)
}

/// Where the note of that number stands.
fn place(number: u32) -> Place {
    [OWED, &number.to_be_bytes()].concat()
}

impl Unsealed {
    /// Notes, in what takes the place of this store, what its first commit is to write.
    pub fn note_owed(&self, owed: &[Owed], to: &mut dyn Writer) -> Result<(), StorageError> {
        for (number, owed) in (0_u32..).zip(owed) {
            let key = place(number);
            let (plain, entropy) = (owed.encode(), &*self.entropy);
            to.put(&key, &envelope::seal(&self.root_key, NO_TERM, &key, &plain, entropy))?;
        }
        Ok(())
    }

    /// What a first commit writes by a note, which goes with it.
    pub(super) fn by_note(&self, (at, owed): (Place, Owed)) -> Result<[Write; 2], UnsealError> {
        let path = self.names.seal(&SealedPath::root(MountId::SYSTEM), &owed.path);
        let key = path.map_err(|_| UnsealError::Damaged(CALLED))?.key().to_vec();
        let sealed = self.keyring().seal_value(&key, &owed.value, &*self.entropy);
        Ok([(at, None), (key, Some(sealed))])
    }
}
