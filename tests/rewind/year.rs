//! A year of a small site.

use std::time::Duration;

use edgekeep::snapshot::journal::compact::Policy;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::plan::At;

use crate::site::Site;
use crate::support::dice::Dice;

/// Commits.
const A_DAY: usize = 5;
/// So many snapshots lie beside the journal: one of each day of a month (`keep_daily`).
const SNAPSHOTS: u64 = 30;

#[test]
fn a_year_of_the_journal_of_a_small_site_fits_a_stick() {
    let dice = Dice::new(21);
    let mut site = Site::new(21);
    let mut shipped = 0;
    for day in 0..365 {
        for _ in 0..A_DAY {
            site.pass(Duration::from_secs(24 * 3600 / A_DAY as u64));
            // A token comes or goes, or a secret of a hundred is changed.
            let path = format!("secret/{}", dice.below(100));
            site.put(&path, &[day as u8; 200]);
            // Each within seconds, a file of its own.
            let sent = site.ship(u64::MAX);
            shipped += sent.iter().map(|name| site.length(name)).sum::<u64>();
        }
        if day % 5 == 0 {
            site.compact(Policy::default());
        }
    }
    let kept = site.segments();
    let bytes: u64 = kept.iter().map(|listed| listed.length).sum();
    assert!(kept.len() < 365, "{} files", kept.len());
    assert!(bytes < shipped / 2, "{bytes} of {shipped}");
    // The last week is there commit by commit, all else day by day.
    let last = site.history.last().unwrap().clone();
    let week = &site.history[site.history.len() - 7 * A_DAY..];
    for past in [&week[0], &week[20], &last] {
        assert_eq!(
            site.prepare(At::Revision(past.revision), None).unwrap().found().instant.revision,
            past.revision
        );
    }
    for past in site.history.iter().step_by(200) {
        let found = site.prepare(At::Time(past.time), None).unwrap().found().instant;
        assert!(past.time.since(found.time) <= Duration::from_secs(24 * 3600));
    }
    let mut bare = site.bare(22);
    bare.prepare(At::Latest, None).unwrap().restore(&bare.barrier, false).unwrap();
    bare.shares = last.shares.clone();
    bare.unseal();
    bare.must_be(&last.state, "a year in one go");
    let name = site.put_snapshot();
    let snapshots = SNAPSHOTS * site.length(&name);
    println!(
        "a year of {A_DAY} commits a day: {shipped} bytes of journal shipped, {bytes} bytes in {} \
         files kept, and {snapshots} bytes in {SNAPSHOTS} snapshots",
        kept.len()
    );
}
