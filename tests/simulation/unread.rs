//! A file that can no longer be read is made good, and takes the target along no more than one
//! that went bad.

use std::time::Duration;

use edgekeep::snapshot::keeper::status::Standing;
use edgekeep::snapshot::layout::SnapshotName;

use crate::site::Site;

fn serve(site: &mut Site, rounds: u32) {
    for _ in 0..rounds {
        site.clock.advance(Duration::from_secs(2));
        site.serve();
    }
}

#[test]
fn what_cannot_be_read_is_made_good_like_what_went_bad() {
    let mut site = Site::new(1);
    serve(&mut site, 10);
    let place = site.places[0].clone();
    let newest = || place.snapshots().into_iter().max_by_key(|of| (of.revision, of.taken)).unwrap();
    let is_well = |site: &Site| {
        let status = site.desks[0].status();
        let journal = status.journal.as_ref().and_then(|journal| journal.behind());
        (status.standing, status.damage, journal) == (Standing::Good, None, Some(0))
    };
    let before: SnapshotName = newest();
    place.spoil(&site.folder.snapshot(&before).unwrap());
    site.desks[0].verify();
    serve(&mut site, 120);
    assert!(newest() != before && is_well(&site), "{:?}", site.desks[0].status());
    assert!(place.snapshots().contains(&before), "it may be read another time");

    // The same of a segment of the journal.
    site.store().rotate().unwrap();
    serve(&mut site, 10);
    let before = newest();
    let segments = place.segments(before.timeline).into_iter().map(|segment| segment.of);
    let last = segments.max_by_key(|of| of.last).unwrap();
    assert!(last.last > before.revision, "the journal leads on");
    place.spoil(&site.folder.segment(&last).unwrap());
    site.desks[0].verify();
    serve(&mut site, 120);
    assert!(newest() != before && is_well(&site), "{:?}", site.desks[0].status());
}
