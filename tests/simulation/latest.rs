//! The last that a target leads to, for the server whose history it is: what it has committed since
//! and recorded nowhere is told.

use std::time::Duration;

use edgekeep::snapshot::keeper::keep_journal;
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::rewind::plan::{At, Refusal, Wish};
use edgekeep::snapshot::rewind::{End, Found, RewindError, Source, prepare};

use crate::place::Weather;
use crate::site::{Site, serve, with};

fn latest(site: &Site) -> Result<Found, RewindError> {
    let source = Source { target: &*site.places[0], folder: &site.folder };
    let wish = Wish { at: At::Latest, timeline: None };
    let keys = site.barrier.unsealed().map(|store| Lent::of(&store));
    Ok(prepare(source, &wish, keys, &site.spools)?.found())
}

/// Which revision is found, and why more may have been committed.
fn told(site: &Site) -> (u64, Option<End>) {
    let found = latest(site).unwrap();
    (found.instant.revision, found.end)
}

#[test]
fn what_was_written_while_there_was_no_journal_is_told() {
    let mut site = with(1);
    site.put(100);
    // What is only here is recorded, too.
    assert_eq!(told(&site), (site.last.1, None));
    serve(&mut site, 2);
    let before = site.last.1;
    keep_journal(&site.store(), false).unwrap();
    assert!(told(&site).0 >= before);
    site.put(100);
    assert_eq!(told(&site), (before, Some(End::Unrecorded)));
    keep_journal(&site.store(), true).unwrap();
    let refused = latest(&site).err();
    let is_gap = matches!(&refused, Some(RewindError::Refused(Refusal::Gap(..), _)));
    assert!(is_gap, "{refused:?}");
    serve(&mut site, 2);
    assert_eq!(told(&site), (site.last.1, None), "a snapshot was put");
}

#[test]
fn what_was_written_when_there_was_no_more_room_is_told() {
    let mut site = with(1);
    site.limit = 2000;
    let place = site.places[0].clone();
    place.set_weather(Weather { away: true, ..Weather::default() });
    while !site.store().journal().unwrap().cut {
        site.put(300);
        serve(&mut site, 1);
    }
    site.put(300);
    place.set_weather(Weather::default());
    let recorded = site.store().journal().unwrap().revision;
    assert_eq!(told(&site), (recorded, Some(End::Unrecorded)));
    site.clock.advance(Duration::from_secs(60));
    serve(&mut site, 60);
    assert_eq!(told(&site), (site.last.1, None));
}
