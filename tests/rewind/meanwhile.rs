//! A target that changes while it is read: what is compacted or dropped there meanwhile is no loss.

use std::fs;
use std::io::Read;
use std::sync::Mutex;
use std::time::Duration;

use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::journal::compact::Policy;
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::rewind::history::{Part, history};
use edgekeep::snapshot::rewind::plan::{At, Wish};
use edgekeep::snapshot::rewind::{Source, newest, prepare};
use edgekeep::snapshot::target::{Listed, Name, Target, TargetError};

use crate::site::Site;

type Deed<'d> = dyn Fn(&Site) + Sync + 'd;

/// The target of a site, to which something is done before its first file is got.
struct Changing<'a> {
    site: &'a Site,
    deed: Mutex<Option<&'a Deed<'a>>>,
}

impl Target for Changing<'_> {
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        self.site.target.put(name, length, content)
    }

    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        let deed = self.deed.lock().unwrap().take();
        deed.into_iter().for_each(|deed| deed(self.site));
        self.site.target.get(name)
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        self.site.target.list(under)
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        self.site.target.delete(name)
    }

    fn url(&self, name: &Name) -> String {
        self.site.target.url(name)
    }
}

/// The same, of which the journal is listed before that was done, and the snapshots after it.
struct Halves<'a>(Changing<'a>);

impl Target for Halves<'_> {
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        self.0.put(name, length, content)
    }

    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        self.0.site.target.get(name)
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        let Some(deed) = self.0.deed.lock().unwrap().take() else { return self.0.list(under) };
        let is_snapshot = |listed: &Listed| listed.name.as_str().ends_with(".snap");
        let mut journal = self.0.list(under)?;
        journal.retain(|listed| !is_snapshot(listed));
        deed(self.0.site);
        let mut snapshots = self.0.list(under)?;
        snapshots.retain(is_snapshot);
        Ok([journal, snapshots].concat())
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        self.0.delete(name)
    }

    fn url(&self, name: &Name) -> String {
        self.0.url(name)
    }
}

/// A store that has shipped each commit of a month by itself.
fn site(seed: u64) -> Site {
    let mut site = Site::new(seed);
    for day in 0..30 {
        site.pass(Duration::from_secs(12 * 3600));
        site.put("a", &[day]);
        site.ship(u64::MAX);
    }
    site
}

fn compacted(site: &Site) {
    assert!(site.compact(Policy::default()) > 0);
}

/// A newer snapshot takes the place of the first.
fn replaced(site: &Site) {
    let listed = site.target.list("").unwrap();
    let first = listed.iter().find(|listed| listed.name.as_str().ends_with(".snap")).unwrap();
    site.put_snapshot();
    site.target.delete(&first.name).unwrap();
}

const DEEDS: [&Deed<'static>; 2] = [&compacted, &replaced];

#[test]
fn the_last_commit_is_reached() {
    for (seed, deed) in (81..).zip(DEEDS) {
        for bare in [false, true] {
            let site = site(seed);
            let target = Changing { site: &site, deed: Mutex::new(Some(deed)) };
            let source = Source { target: &target, folder: &site.folder };
            let found = if bare {
                let found = newest(source, None, &site.spools).unwrap();
                assert_eq!(found.gap, None);
                found.prepared
            } else {
                let wish = Wish { at: At::Latest, timeline: None };
                prepare(source, &wish, site.barrier.unsealed().as_ref().map(Lent::of), &site.spools)
                    .unwrap()
            };
            let last = site.store().status().revision;
            assert_eq!(found.found().instant.revision, last);
            assert!(found.told()["unusable"].as_array().is_none_or(Vec::is_empty));
        }
    }
}

#[test]
fn the_log_has_no_gap() {
    let site = site(83);
    let target = Changing { site: &site, deed: Mutex::new(Some(&compacted)) };
    let source = Source { target: &target, folder: &site.folder };
    let store = site.store();
    let (since, until) = (Timestamp::EPOCH, Timestamp::from_nanos(u64::MAX));
    let part = Part { timeline: store.status().timeline, since, until, most: 1000 };
    let told = history(source, &part, &Lent::of(&store), &site.spools).unwrap();
    assert_eq!((told.gaps, told.lost), (Vec::new(), Vec::new()));
    let last = told.events.back().unwrap().revision;
    assert_eq!(last, site.history.last().unwrap().revision);
}

#[test]
fn what_is_shipped_while_it_is_listed_is_no_gap() {
    let mut site = site(84);
    // The last of the journal comes with the next snapshot, not before.
    let before = site.segments();
    for number in 0..3 {
        site.pass(Duration::from_secs(60));
        site.put("b", &[number]);
        site.ship(u64::MAX);
    }
    let wished = site.history[site.history.len() - 2].revision;
    let mut late = site.segments();
    late.retain(|listed| !before.contains(listed));
    let files = late.iter().map(|listed| {
        let path = site.path(&listed.name);
        let content = fs::read(&path).unwrap();
        fs::remove_file(path).unwrap();
        (listed.name.clone(), content)
    });
    let files: Vec<_> = files.collect();
    let deed: &Deed<'_> = &|site| {
        files.iter().for_each(|(name, content)| drop(site.send(name, content)));
        site.put_snapshot();
    };
    let target = Halves(Changing { site: &site, deed: Mutex::new(Some(deed)) });
    let source = Source { target: &target, folder: &site.folder };
    let wish = Wish { at: At::Revision(wished), timeline: None };
    let found = prepare(source, &wish, None, &site.spools).unwrap();
    assert_eq!(found.found().instant.revision, wished);
}

/// The target of a site, of which the first listing lacks a file.
struct Late<'a>(&'a Site, Mutex<Option<Name>>);

impl Target for Late<'_> {
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        self.0.target.put(name, length, content)
    }

    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        self.0.target.get(name)
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        let mut listed = self.0.target.list(under)?;
        let lacks = self.1.lock().unwrap().take();
        listed.retain(|listed| Some(&listed.name) != lacks.as_ref());
        Ok(listed)
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        self.0.target.delete(name)
    }

    fn url(&self, name: &Name) -> String {
        self.0.target.url(name)
    }
}

#[test]
fn who_asks_for_the_newest_or_the_log_looks_twice_before_a_gap() {
    let site = site(85);
    let last = site.history.last().unwrap().revision;
    let segments = site.segments();
    let middle = segments[segments.len() / 2].name.clone();
    let target = Late(&site, Mutex::new(Some(middle.clone())));
    let source = Source { target: &target, folder: &site.folder };
    let found = newest(source, None, &site.spools).unwrap();
    assert_eq!(found.prepared.found().instant.revision, last);
    assert_eq!(found.gap, None);

    *target.1.lock().unwrap() = Some(middle);
    let store = site.store();
    let (since, until) = (Timestamp::EPOCH, Timestamp::from_nanos(u64::MAX));
    let part = Part { timeline: store.status().timeline, since, until, most: 1000 };
    let told = history(source, &part, &Lent::of(&store), &site.spools).unwrap();
    assert_eq!((told.gaps, told.events.back().unwrap().revision), (Vec::new(), last));
}
