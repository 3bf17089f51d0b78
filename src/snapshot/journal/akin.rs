//! Which segments inside of the span of another one are of its chain, so that it holds all of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::layout::SegmentName;
use crate::snapshot::lent::Vouch;
use crate::snapshot::rewind::file::{Flaw, Getter, Loss, Unfit};

/// Those of `inner` that lie in `outer` by their chain. Another server on a copy of the store may
/// have put the others. The outer one is seen to be whole, what its name says, and proved.
pub fn akin(
    getter: &Getter<'_>,
    outer: &SegmentName,
    inner: &[SegmentName],
    keys: &impl Vouch,
) -> Result<Vec<SegmentName>, Unfit> {
    let ends: BTreeSet<u64> = inner.iter().map(|name| name.last).collect();
    let mut chain = BTreeMap::new();
    let (header, _) = getter.read(outer, Some(keys), |entry| {
        if ends.contains(&entry.revision) {
            chain.insert(entry.revision, entry.after.short());
        }
    })?;
    chain.insert(header.first - 1, header.before.short());
    let mut inner = inner.to_vec();
    inner.sort_unstable_by_key(|name| std::cmp::Reverse(name.last));
    let mut akin = Vec::new();
    for name in inner {
        if chain.get(&name.last) != Some(&name.chain) {
            continue;
        }
        akin.push(name);
        // Where commits were folded, what comes before it is told by itself alone. One that is torn
        // tells nothing.
        match getter.header(&name) {
            Ok(header) => drop(chain.entry(header.first - 1).or_insert(header.before.short())),
            Err(Unfit::Lost(_, Flaw { loss: Loss::Foreign, .. })) => {}
            Err(unfit) => return Err(unfit),
        }
    }
    Ok(akin)
}
