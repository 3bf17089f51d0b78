//! Goes over everything below a folder, however much that is, and keeps nothing of it. What the
//! transaction has written itself is not seen.

use super::Scope;
use crate::barrier::txn::{NOTED, TxnError};

impl Scope<'_> {
    /// How many entries lie below `folder`, at any depth.
    pub fn count(&mut self, folder: &str) -> Result<u64, TxnError> {
        let folder = self.folder(folder)?;
        let (from, to) = folder.below();
        let mut count = 0;
        for key in self.txn.view.keys(&from, to.as_deref())? {
            count += u64::from(folder.is_entry(&key?)?);
        }
        self.txn.reads.range(from, to);
        Ok(count)
    }

    /// Shows the value of each entry below `folder`, at any depth.
    pub fn each(
        &mut self,
        folder: &str,
        mut look: impl FnMut(&[u8]) -> Result<(), TxnError>,
    ) -> Result<(), TxnError> {
        let folder = self.folder(folder)?;
        let (from, to) = folder.below();
        for entry in self.txn.view.scan(&from, to.as_deref())? {
            let (key, value) = entry?;
            if folder.is_entry(&key)? {
                // Whoever looks makes something of it, which is hardly more than it.
                self.txn.tab.take(NOTED + value.len())?;
                let keyring = &self.txn.keyring;
                look(&keyring.open_value(&key, &value).map_err(|_| TxnError::Damaged)?)?;
            }
        }
        self.txn.reads.range(from, to);
        Ok(())
    }
}
