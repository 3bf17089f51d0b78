//! How far a target is behind, while the server is written to all the time.

use std::time::Duration;

use edgekeep::barrier::journal::record::Mark;
use edgekeep::snapshot::keeper::status::Standing;

use crate::place::Weather;
use crate::site::{serve, with};

const PUT: Duration = Duration::from_secs(5);

#[test]
fn it_is_behind_since_the_first_commit_that_it_has_not() {
    let mut site = with(1);
    let (place, store, clock) = (site.places[0].clone(), site.store(), site.clock.clone());
    place.while_put(move || {
        clock.advance(PUT);
        store.mark_journal(Mark::Upgrade).unwrap();
    });
    site.put(100);
    // Whenever it is looked at, something was committed while the last was on its way.
    for _ in 0..60 {
        serve(&mut site, 1);
        let now = site.store().time().now();
        let status = site.desks[0].status();
        let journal = status.journal.as_ref().unwrap();
        assert_eq!((status.standing, journal.behind()), (Standing::Good, Some(1)), "{status:?}");
        assert!(now.since(journal.since.unwrap()) <= PUT, "{status:?}");
        assert!(status.broken_promise(now).is_none(), "{status:?}");
    }
    // And where it gets nothing any more, since the first of all that it lacks.
    place.while_put(|| ());
    serve(&mut site, 1);
    place.set_weather(Weather { full: true, ..Weather::default() });
    let before = site.store().time().now();
    site.put(100);
    for _ in 0..30 {
        serve(&mut site, 1);
        site.put(100);
    }
    let status = site.desks[0].status();
    let since = status.journal.as_ref().and_then(|journal| journal.since).unwrap();
    assert!(since >= before && since.since(before) < PUT, "{before:?}: {status:?}");
}
