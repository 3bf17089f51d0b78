//! What a standby makes of what comes and goes on a target.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::Duration;

use edgekeep::barrier::root::Timeline;
use edgekeep::base::clock::{Clock as _, Timestamp};
use edgekeep::snapshot::follow::{Followed, Follower, Means, promotion};
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::plan::At;
use edgekeep::snapshot::spool::Spools;
use edgekeep::snapshot::target::folder::Folder;
use edgekeep::snapshot::target::{Listed, Name, Target, TargetError};

use super::junk_of;
use super::site::{Site, made_up, made_up_snapshot};
use super::support::dice::Dice;
use super::support::{TempDir, eventually};

/// A machine without a store, whose server is a standby of a site.
struct Standby {
    site: Site,
    folder: TempDir,
    follower: Arc<Follower>,
}

impl Standby {
    fn of(original: &Site, seed: u64) -> Self {
        Self::of_history(original, seed, None)
    }

    fn of_history(original: &Site, seed: u64, timeline: Option<Timeline>) -> Self {
        let target = Arc::new(Folder::new(original.target.path()));
        Self::of_target(original, seed, timeline, target)
    }

    fn of_target(
        original: &Site,
        seed: u64,
        timeline: Option<Timeline>,
        target: Arc<dyn Target>,
    ) -> Self {
        let (site, folder) = (original.bare(seed), TempDir::new());
        let follower = begin(&site, &folder, timeline, target);
        Self { site, folder, follower }
    }

    /// As after a power cut.
    fn restart(&mut self) {
        let target = Arc::new(Folder::new(self.site.target.path()));
        self.follower = begin(&self.site, &self.folder, None, target);
    }

    /// A round, and what is wrong then.
    fn round(&self) -> Option<String> {
        self.site.clock.advance(Duration::from_secs(60));
        self.follower.round();
        self.follower.status().trouble
    }

    fn revision(&self) -> u64 {
        self.follower.status().place.map_or(0, |place| place.revision)
    }

    /// Promotes it: all that was shipped is there.
    fn promote(mut self, original: &Site) {
        let left = self.follower.status().place.unwrap().timeline;
        assert!(promotion::mark(self.folder.path(), self.site.clock.wall()).unwrap());
        self.follower.round();
        assert!(!self.follower.is_following());
        self.site.shares.clone_from(&original.shares);
        self.site.unseal();
        self.site.must_be(&original.state, "promoted");
        let begun = self.site.store().status().timeline;
        assert_eq!(begun.number, left.number + 1);
    }
}

fn begin(
    site: &Site,
    folder: &TempDir,
    timeline: Option<Timeline>,
    target: Arc<dyn Target>,
) -> Arc<Follower> {
    let followed = Followed {
        name: "disk".into(),
        target: Box::new(move || target.clone()),
        prefix: String::new(),
        store_id: None,
        timeline,
    };
    let means = Means {
        storage: Arc::clone(&site.storage),
        spools: Arc::new(Spools::new(folder.path(), 0)),
        clock: site.clock.clone(),
        folder: folder.path().to_owned(),
    };
    Arc::new(Follower::new(followed, means).unwrap().expect("it is a standby"))
}

pub fn it_goes_along_with_a_random_history() {
    for seed in 0..4 {
        let dice = Dice::new(seed);
        let mut site = Site::new(seed);
        let mut standby = Standby::of(&site, seed + 100);
        for _ in 0..400 {
            let path = format!("{}/{}", dice.below(5), dice.below(12));
            match dice.below(100) {
                0..60 => site.put(&path, &vec![dice.below(256) as u8; dice.below(300) as usize]),
                60..75 => site.delete(&path),
                75..85 => drop(site.ship(if dice.one_in(3) { 2000 } else { u64::MAX })),
                85..87 => drop(site.snapshot()),
                87 => site.rotate(),
                88 => site.rekey(),
                89 if dice.one_in(2) => {
                    site.ship(u64::MAX);
                    let past = site.history[dice.below(site.history.len() as u64) as usize].clone();
                    site.pass(Duration::from_secs(1));
                    site.rewind(&past);
                    site.snapshot();
                }
                90..93 => standby.restart(),
                _ => assert_eq!(standby.round(), None),
            }
            site.pass(Duration::from_secs(1));
        }
        site.ship(u64::MAX);
        standby.restart();
        assert_eq!(standby.round(), None);
        assert_eq!(standby.revision(), site.store().status().revision);
        standby.promote(&site);
    }
}

pub fn it_passes_over_what_one_who_has_left_the_history_wrote() {
    let mut site = Site::new(31);
    let standby = Standby::of_history(&site, 32, Some(site.store().status().timeline));
    site.put("a", b"1");
    site.ship(u64::MAX);
    assert_eq!(standby.round(), None);
    let mut twin = site.twin();
    (0..6).for_each(|_| twin.put("twin", b"1"));
    twin.ship(u64::MAX);
    twin.store().begin_timeline().unwrap();
    twin.put("twin", b"2");
    twin.ship(u64::MAX);
    site.pass(Duration::from_secs(60));
    // Not as far, and then further.
    for commits in [3, 9] {
        for number in 0..commits {
            site.put("b", &[number; 5]);
            site.ship(u64::MAX);
        }
        standby.round();
        assert_eq!(standby.revision(), site.store().status().revision);
    }
    standby.promote(&site);
}

pub fn it_waits_behind_a_gap_for_the_next_snapshot() {
    let mut site = Site::new(11);
    let standby = Standby::of(&site, 12);
    site.put("a", b"1");
    site.ship(u64::MAX);
    assert_eq!(standby.round(), None);
    let before = standby.revision();
    site.put("a", b"2");
    let torn = site.ship(u64::MAX);
    site.damage(&torn[0], 300);
    site.put("a", b"3");
    site.ship(u64::MAX);
    let trouble = standby.round().unwrap();
    assert!(trouble.contains("has a gap"), "{trouble}");
    assert!(trouble.contains("does not count"), "{trouble}");
    assert_eq!(standby.revision(), before);
    site.snapshot();
    assert_eq!(standby.round(), None);
    standby.promote(&site);
}

pub fn a_name_that_somebody_has_made_up_hinders_nothing() {
    let far = (1 << 30, Timestamp::from_secs(4_000_000_000));
    for number in 0..2 {
        let mut site = Site::new(51 + number);
        let (store, timeline) = (site.folder.store_id().to_owned(), site.store().status().timeline);
        let made_up = match number {
            0 => made_up(timeline, None, (far.0, far.0), (far.1, far.1)),
            _ => made_up_snapshot(timeline, far.0, far.1),
        };
        let standby = Standby::of(&site, 61 + number);
        site.put("a", b"1");
        site.ship(u64::MAX);
        assert_eq!(standby.round(), None);
        junk_of(&store, site.target.path(), &made_up);
        let told = standby.round().unwrap();
        assert!(told.contains("it follows what verifies"), "{told}");
        let noted = File::open(standby.folder.path().join("standby-trouble")).unwrap();
        for value in 0..3u8 {
            site.put("a", &[value]);
            site.ship(u64::MAX);
            assert_eq!(standby.round().as_ref(), Some(&told));
            assert_eq!(standby.revision(), site.store().status().revision);
        }
        assert_eq!(standby.follower.status().errors, 0);
        assert_eq!(noted.metadata().unwrap().nlink(), 1, "it is noted once");
        standby.promote(&site);
    }
}

/// A folder to which something happens each time before it is read, and after it was listed.
struct Eventful<F>(Folder, F);

impl<F: Fn(Option<&mut Vec<Listed>>) + Send + Sync> Target for Eventful<F> {
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        self.0.put(name, length, content)
    }

    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        self.1(None);
        self.0.get(name)
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        let mut listed = self.0.list(under)?;
        self.1(Some(&mut listed));
        Ok(listed)
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        self.0.delete(name)
    }

    fn url(&self, name: &Name) -> String {
        self.0.url(name)
    }
}

pub fn it_is_promoted_while_its_target_hangs_and_takes_nothing_from_it_then() {
    let mut site = Site::new(41);
    let gate: Arc<RwLock<()>> = Arc::default();
    let held = gate.clone();
    let hangs = move |_: Option<&mut Vec<Listed>>| drop(held.read().unwrap());
    let target = Arc::new(Eventful(Folder::new(site.target.path()), hangs));
    let standby = Standby::of_target(&site, 42, None, target);
    site.put("a", b"1");
    site.ship(u64::MAX);
    assert_eq!(standby.round(), None);
    let had = (standby.revision(), site.state.clone());
    site.put("a", b"2");
    site.ship(u64::MAX);
    standby.site.clock.advance(Duration::from_secs(60));
    thread::scope(|scope| {
        let _hung = gate.write().unwrap();
        let round = scope.spawn(|| standby.follower.round());
        assert!(promotion::mark(standby.folder.path(), standby.site.clock.wall()).unwrap());
        eventually("it serves", || {
            standby.site.clock.advance(Duration::from_secs(1));
            !standby.follower.is_following()
        });
        round.join().unwrap();
    });
    let trouble = standby.follower.status().trouble.unwrap();
    assert!(trouble.contains("serves without a last look"), "{trouble}");
    eventually("what hung has ended", || Arc::strong_count(&standby.follower) == 1);
    assert_eq!(standby.revision(), had.0);
    let Standby { site: mut promoted, .. } = standby;
    promoted.shares.clone_from(&site.shares);
    promoted.unseal();
    promoted.must_be(&had.1, "promoted");
}

pub fn it_looks_twice_before_it_tells_of_a_gap() {
    let mut site = Site::new(13);
    let late: Arc<Mutex<Option<Name>>> = Arc::default();
    let lacks = late.clone();
    let misses = move |listed: Option<&mut Vec<Listed>>| {
        if let Some(listed) = listed {
            let late = lacks.lock().unwrap().take();
            listed.retain(|listed| Some(&listed.name) != late.as_ref());
        }
    };
    let target = Arc::new(Eventful(Folder::new(site.target.path()), misses));
    let standby = Standby::of_target(&site, 14, None, target);
    assert_eq!(standby.round(), None);
    let shipped: Vec<Name> = (0..2u8)
        .flat_map(|value| {
            site.put("a", &[value]);
            site.ship(u64::MAX)
        })
        .collect();
    *late.lock().unwrap() = Some(shipped[0].clone());
    assert_eq!(standby.round(), None);
    assert_eq!(standby.revision(), site.store().status().revision);
}

/// What happens once while it looks.
type Happens = Box<dyn FnOnce() + Send>;

pub fn what_goes_while_it_looks_is_no_end() {
    // What it does not take in its last look is lost.
    for is_last in [false, true] {
        let mut site = Site::new(17);
        let meanwhile: Arc<Mutex<Option<Happens>>> = Arc::default();
        let next = meanwhile.clone();
        let changes = move |listed: Option<&mut Vec<Listed>>| {
            let happens = listed.is_none().then(|| next.lock().unwrap().take()).flatten();
            happens.into_iter().for_each(|happens| happens());
        };
        let target = Arc::new(Eventful(Folder::new(site.target.path()), changes));
        let standby = Standby::of_target(&site, 18, None, target);
        assert_eq!(standby.round(), None);
        // As it is about to read the first of these, a snapshot comes and they go.
        let mut segments: Vec<PathBuf> = Vec::new();
        for value in 0..3u8 {
            site.put("a", &[value]);
            segments.extend(site.ship(u64::MAX).iter().map(|name| site.path(name)));
        }
        let newest = site.snapshot();
        let (newest, aside) = (site.path(&newest), standby.folder.path().join("newest"));
        fs::rename(&newest, &aside).unwrap();
        *meanwhile.lock().unwrap() = Some(Box::new(move || {
            fs::rename(&aside, &newest).unwrap();
            segments.iter().for_each(|path| fs::remove_file(path).unwrap());
        }));
        if !is_last {
            assert_eq!(standby.round(), None);
            assert_eq!(standby.revision(), site.store().status().revision);
        }
        standby.promote(&site);
    }
}

pub fn of_two_histories_that_go_on_it_keeps_to_its_own() {
    let mut site = Site::new(21);
    let standby = Standby::of(&site, 22);
    site.put("a", b"1");
    site.ship(u64::MAX);
    assert_eq!(standby.round(), None);
    // A clone goes on beside the original.
    let mut clone = site.bare(23);
    let prepared = clone.prepare(At::Latest, None).unwrap();
    clone.storage.replace(&mut |to| prepared.make_store(to)).unwrap();
    (clone.shares, clone.state) = (site.shares.clone(), site.state.clone());
    clone.unseal();
    clone.pass(Duration::from_secs(5));
    clone.store().begin_journal().unwrap();
    clone.snapshot();
    site.pass(Duration::from_secs(10));
    site.put("b", b"1");
    site.ship(u64::MAX);
    let trouble = standby.round().unwrap();
    assert!(trouble.contains("several histories"), "{trouble}");
    standby.promote(&site);
    // Who begins later is told which of them, and else has none.
    assert!(Standby::of(&site, 24).round().unwrap().contains("several histories"));
    for (of, seed) in [(&site, 25), (&clone, 26)] {
        let named = Standby::of_history(of, seed, Some(of.store().status().timeline));
        assert_eq!(named.round(), None);
        named.promote(of);
    }
}
