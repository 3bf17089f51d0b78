//! A target that is a folder, as the tests see it: what lies there, read by the library.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use edgekeep::barrier::root::Timeline;
use edgekeep::snapshot::inspect::inspect;
use edgekeep::snapshot::layout::{Folder, Kept, SegmentName, SnapshotName};
use edgekeep::snapshot::rewind::file;
use edgekeep::snapshot::target::Name;
use edgekeep::snapshot::target::folder::MARK;

/// What a folder holds of one store.
pub struct Held {
    /// The snapshots, by history and revision.
    pub snapshots: Vec<SnapshotName>,
    /// The segments, in the same order.
    pub segments: Vec<SegmentName>,
}

/// Every file below a folder but its mark, by its name in it.
pub fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_none_or(|name| name != MARK) {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.push((name, path));
            }
        }
    }
    found.sort();
    found
}

/// The stores of which a folder holds something.
pub fn stores(folder: &Path) -> Vec<String> {
    let mut stores: Vec<String> = files(folder)
        .iter()
        .filter_map(|(name, _)| Folder::of("", &Name::parse(name.clone())?))
        .map(|folder| folder.store_id().to_owned())
        .collect();
    stores.dedup();
    stores
}

/// What it holds, every file of it checked.
pub fn held(folder: &Path) -> Held {
    let (mut snapshots, mut segments) = (Vec::new(), Vec::new());
    for (name, path) in files(folder) {
        let Some(name) = Name::parse(name) else { continue };
        let Some(store) = Folder::of("", &name) else { continue };
        // What was there when it was listed may have been dropped since.
        let Ok(file) = File::open(&path) else { continue };
        match store.read(&name).unwrap() {
            Kept::Snapshot(of) => {
                let about = inspect(file).unwrap().meta.about;
                assert_eq!(
                    (about.timeline, about.revision),
                    (of.timeline.to_string(), of.revision)
                );
                snapshots.push(of);
            }
            Kept::Segment(of) => {
                file::read(file, &of, store.store_id(), None, |_| {}).unwrap();
                segments.push(of);
            }
        }
    }
    snapshots.sort_by_key(|of| (of.timeline.number, of.timeline.id, of.revision, of.taken));
    segments.sort_by_key(|of| (of.timeline.number, of.timeline.id, of.first));
    Held { snapshots, segments }
}

impl Held {
    /// The last revision of a history's journal, which has neither a gap nor anything twice and
    /// begins at a snapshot.
    pub fn reach(&self, timeline: Timeline) -> Option<u64> {
        let mut segments = self.segments.iter().filter(|of| of.timeline == timeline);
        let first = segments.next()?;
        let based = |of: &SnapshotName| of.timeline == timeline && of.revision + 1 >= first.first;
        assert!(self.snapshots.iter().any(based), "the journal begins at no snapshot");
        let mut last = first.last;
        for of in segments {
            assert_eq!(of.first, last + 1, "a gap, or something twice");
            last = of.last;
        }
        Some(last)
    }

    /// The newest history of which there is something.
    pub fn timeline(&self) -> Timeline {
        let snapshots = self.snapshots.iter().map(|of| of.timeline);
        snapshots.max_by_key(|timeline| timeline.number).unwrap()
    }
}
