//! Which segments inside of the span of another one are of its chain, so that it holds all of them.

use std::collections::BTreeMap;
use std::io::BufReader;

use super::compact::named;
use super::segment::{self, SegmentReader};
use crate::barrier::Unsealed;
use crate::snapshot::layout::SegmentName;
use crate::snapshot::rewind::{RewindError, Source};
use crate::snapshot::target::TargetError;

/// Those of `inner` that lie in `outer` by their chain. Another server on a copy of the store may
/// have put the others. The outer one is seen to be whole, what its name says, and proved.
pub fn akin(
    source: Source<'_>,
    outer: &SegmentName,
    inner: &[SegmentName],
    keys: &Unsealed,
) -> Result<Vec<SegmentName>, RewindError> {
    let file = source.target.get(&named(source, outer)?)?;
    let mut chain = BTreeMap::new();
    let (header, end) = segment::read(BufReader::with_capacity(64 << 10, file), |entry| {
        chain.insert(entry.revision, entry.after.short());
    })?;
    if header.name(end.chain) != *outer || !end.is_proved(&keys.keyring()) {
        return Err(TargetError::Failed("a segment is not what was put there".into()).into());
    }
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
        let file = source.target.get(&named(source, &name)?)?;
        if let Ok(reader) = SegmentReader::new(BufReader::new(file)) {
            let header = reader.header();
            chain.entry(header.first - 1).or_insert(header.before.short());
        }
    }
    Ok(akin)
}
