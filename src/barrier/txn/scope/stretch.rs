//! Goes over what lies below a folder a stretch at a time: what is too much for one transaction is
//! taken up by the next where the one before ended.

use super::Scope;
use crate::barrier::txn::TxnError;
use crate::barrier::walk::Walk;

impl Scope<'_> {
    /// The paths of the first `most` entries below `folder`, at any depth, by the store's order,
    /// which is none of theirs; where `after` is given, of those behind that path, be it there or
    /// not. What is not listed was not read.
    pub fn stretch(
        &mut self,
        folder: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<String>, TxnError> {
        let (start, to) = self.folder(folder)?.below();
        let start = match after {
            // What comes right behind an entry is its first part.
            Some(after) => self.entry(after)?.part(0),
            None => start,
        };
        let names = &self.txn.unsealed.names;
        let mut walk = Walk::new(&*self.txn.view, &self.txn.writes, to.clone());
        let (mut paths, mut from, mut read_to) = (Vec::new(), start.clone(), to);
        loop {
            if paths.len() == most {
                read_to = Some(from);
                break;
            }
            let Some(key) = walk.seek(&from)? else { break };
            if self.folder.is_entry(&key)? {
                paths.push(names.open_below(&self.folder, &key)?);
            }
            from = [&key[..], &[0]].concat();
        }
        drop(walk);
        self.txn.reads.range(start, read_to);
        Ok(paths)
    }
}
