//! How far a target has the journal of a history, told from what it holds.

/// How far it is to be gone on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The next segment begins behind this revision.
    pub cursor: u64,
    /// The commits to which nothing there leads, if the target lacks some: the first and the last.
    pub gap: Option<(u64, u64)>,
}

/// `bases` are the revisions of the snapshots of the history on the target, `segments` the first
/// and the last revision of each; records are kept here for what is behind `dropped`. `None` where
/// a snapshot must come first: there is no base, or what follows what the target has is not kept.
pub fn reach(bases: &[u64], segments: &[(u64, u64)], dropped: u64) -> Option<Reach> {
    let mut by_last = segments.to_vec();
    by_last.sort_unstable_by_key(|&(_, last)| std::cmp::Reverse(last));
    let end = by_last.first().map(|&(_, last)| last);
    // The segments without a gap that lead to the end.
    let mut start = end.unwrap_or(0).saturating_add(1);
    let mut before = None;
    for (first, last) in by_last {
        if last.saturating_add(1) < start {
            before = Some(last);
            break;
        }
        start = start.min(first);
    }
    let from = |least: u64| bases.iter().copied().filter(|&base| base >= least).min();
    match end {
        Some(end) if end >= dropped => {
            let base = from(start - 1)?;
            let gap = before.map(|before| (before + 1, base - 1));
            Some(Reach { cursor: end, gap: gap.filter(|(first, last)| first <= last) })
        }
        _ => {
            // What follows is of use from the first base on.
            let base = from(dropped)?;
            let gap = end.map(|end| (end + 1, dropped.max(base - 1)));
            Some(Reach { cursor: dropped, gap })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(cursor: u64) -> Option<Reach> {
        Some(Reach { cursor, gap: None })
    }

    #[test]
    fn it_goes_on_where_the_target_ends() {
        assert_eq!(reach(&[], &[], 0), None, "no base");
        assert_eq!(reach(&[5], &[], 5), at(5));
        assert_eq!(reach(&[4], &[], 5), None, "what follows the base is gone");
        assert_eq!(reach(&[9], &[], 5), at(5), "what led to the base is shipped too");
        assert_eq!(reach(&[5], &[(6, 7), (8, 8)], 6), at(8));
        // Overlapping ones, as a compaction leaves them that was cut.
        assert_eq!(reach(&[5], &[(6, 7), (6, 9), (8, 8)], 6), at(9));
        assert_eq!(reach(&[5], &[(6, 7), (9, 9)], 6), None, "a gap behind the base");
        assert_eq!(reach(&[5, 8], &[(6, 7), (9, 9)], 6), at(9), "the later base will do");
        let lacks_two = Some(Reach { cursor: 11, gap: Some((8, 9)) });
        assert_eq!(reach(&[5, 10], &[(6, 7), (10, 11)], 6), lacks_two, "what led to it is gone");
        assert_eq!(reach(&[12], &[(6, 7)], 6), at(7), "a snapshot may be ahead of the journal");
        let left_behind = Some(Reach { cursor: 10, gap: Some((8, 10)) });
        assert_eq!(reach(&[5], &[(6, 7)], 10), None);
        assert_eq!(reach(&[5, 11], &[(6, 7)], 10), left_behind);
        let late = Some(Reach { cursor: 10, gap: Some((8, 19)) });
        assert_eq!(reach(&[5, 20, 30], &[(6, 7)], 10), late, "what is behind it has no base");
    }
}
