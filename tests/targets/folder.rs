//! A folder as a target.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use edgekeep::snapshot::target::folder::Folder;
use edgekeep::snapshot::target::{Name, Target, TargetError, contract};
use rustix::io::{Errno, ReadWriteFlags};

use super::support::TempDir;
use super::support::volume::Volume;

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub fn put(target: &dyn Target, text: &str, content: &[u8]) -> Result<(), TargetError> {
    target.put(&name(text), content.len() as u64, &mut &*content)
}

pub fn got(target: &dyn Target, text: &str) -> Vec<u8> {
    let mut content = Vec::new();
    target.get(&name(text)).unwrap().read_to_end(&mut content).unwrap();
    content
}

/// The names in a listing of everything.
pub fn listed(target: &dyn Target) -> Vec<String> {
    target.list("").unwrap().iter().map(|listed| listed.name.to_string()).collect()
}

/// Does something, once, when so many bytes were read.
pub struct Midway<F> {
    left: u64,
    at: u64,
    then: Option<F>,
}

impl<F: FnOnce()> Midway<F> {
    pub fn new(length: u64, at: u64, then: F) -> Self {
        Self { left: length, at: length - at, then: Some(then) }
    }
}

impl<F: FnOnce()> Read for Midway<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left <= self.at
            && let Some(then) = self.then.take()
        {
            then();
        }
        let read = (&[7; 4096][..]).take(self.left).read(buffer)?;
        self.left -= read as u64;
        Ok(read)
    }
}

pub fn a_folder_passes() {
    let scratch = TempDir::new();
    contract::run(&Folder::new(scratch.path())).unwrap();
}

pub fn it_passes_on_what_a_stick_may_have(kind: &'static str) {
    let volume = Volume::mounted(kind, 64 << 20);
    contract::run(&Folder::new(volume.path())).unwrap();
}

pub fn nobody_else_can_read_it_and_nothing_is_left_beside_it() {
    let scratch = TempDir::new();
    let folder = Folder::new(scratch.path());
    put(&folder, "a/b/c.snap", b"content").unwrap();
    let mode = |below: &str| {
        fs::metadata(scratch.path().join(below)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!([mode("a"), mode("a/b"), mode("a/b/c.snap")], [0o700, 0o700, 0o600]);
    assert_eq!(fs::read_dir(scratch.path().join("a/b")).unwrap().count(), 1);
    let expected = scratch.path().join("a/b/c.snap").display().to_string();
    assert_eq!(folder.url(&name("a/b/c.snap")), expected);
}

pub fn a_folder_that_is_not_there_is_away_and_is_not_made() {
    let scratch = TempDir::new();
    let place = scratch.path().join("mounted");
    let folder = Folder::new(&place);
    let away = |outcome: Result<(), TargetError>| {
        assert!(matches!(outcome, Err(TargetError::Away(_))), "{outcome:?}");
    };
    let all_away = || {
        away(put(&folder, "a", b"1"));
        away(folder.get(&name("a")).map(drop));
        away(folder.list("").map(drop));
        away(folder.list("a").map(drop));
        away(folder.delete(&name("a")));
    };
    all_away();
    assert!(!place.exists());
    fs::create_dir(&place).unwrap();
    put(&folder, "a", b"1").unwrap();
    fs::rename(&place, scratch.path().join("elsewhere")).unwrap();
    all_away();
    fs::rename(scratch.path().join("elsewhere"), &place).unwrap();
    assert_eq!(got(&folder, "a"), b"1");
}

pub fn one_that_goes_in_the_middle_of_a_put_is_away() {
    let scratch = TempDir::new();
    let (place, elsewhere) = (scratch.path().join("mounted"), scratch.path().join("elsewhere"));
    fs::create_dir(&place).unwrap();
    let folder = Folder::new(&place);
    put(&folder, "a/old", b"1").unwrap();
    // Its files go with it: so it is when a network's file system is let go.
    let mut content = Midway::new(1 << 20, 1 << 19, || {
        fs::rename(&place, &elsewhere).unwrap();
        let entries = fs::read_dir(elsewhere.join("a")).unwrap();
        for entry in entries.map(|entry| entry.unwrap().path()) {
            if !entry.ends_with("old") {
                fs::remove_file(entry).unwrap();
            }
        }
    });
    let outcome = folder.put(&name("a/new"), 1 << 20, &mut content);
    assert!(matches!(outcome, Err(TargetError::Away(_))), "{outcome:?}");
    fs::rename(&elsewhere, &place).unwrap();
    assert_eq!(listed(&folder), ["a/old"]);
}

pub fn what_failed_attempts_left_is_removed_by_the_next() {
    let scratch = TempDir::new();
    let inside = scratch.path().join("a");
    fs::create_dir(&inside).unwrap();
    let left = [inside.join(".edgekeep-1-0.partial"), inside.join(".edgekeep-77-3.partial")];
    for left in &left {
        fs::write(left, b"half").unwrap();
    }
    let busy = inside.join(".edgekeep-1-1.partial");
    fs::write(&busy, b"of another server").unwrap();
    let held = File::open(&busy).unwrap();
    held.lock().unwrap();
    fs::write(inside.join(".edgekeep-notes"), b"of somebody").unwrap();
    let folder = Folder::new(scratch.path());
    assert_eq!(listed(&folder), [""; 0]);
    put(&folder, "a/b", b"1").unwrap();
    assert!(!left.iter().any(|left| left.exists()));
    assert!(busy.exists() && inside.join(".edgekeep-notes").exists());
    // Its server is gone now.
    drop(held);
    put(&folder, "a/b", b"2").unwrap();
    assert!(!busy.exists());
    assert_eq!(listed(&folder), ["a/b"]);
}

pub fn no_link_leads_out_of_it() {
    let scratch = TempDir::new();
    let (inside, outside) = (scratch.path().join("inside"), scratch.path().join("outside"));
    fs::create_dir_all(inside.join("real")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), b"of somebody").unwrap();
    symlink(&outside, inside.join("out")).unwrap();
    symlink(outside.join("secret"), inside.join("real/link")).unwrap();
    symlink(outside.join("new"), inside.join("real/dangling")).unwrap();
    let folder = Folder::new(&inside);
    assert_eq!(listed(&folder), [""; 0]);
    assert!(folder.list("out").unwrap().is_empty());
    for text in ["out/secret", "real/link", "real/dangling"] {
        let outcome = folder.get(&name(text)).map(drop);
        assert!(matches!(outcome, Err(TargetError::Absent(_))), "{text}: {outcome:?}");
    }
    folder.delete(&name("out/secret")).unwrap();
    let refused = put(&folder, "out/new", b"1").unwrap_err();
    assert!(matches!(refused, TargetError::Failed(_)), "{refused:?}");
    assert!(refused.to_string().contains("in the way"), "{refused}");
    // What has the name itself is replaced, and not written through.
    for text in ["real/link", "real/dangling"] {
        put(&folder, text, b"1").unwrap();
        assert_eq!(got(&folder, text), b"1");
    }
    assert_eq!(fs::read(outside.join("secret")).unwrap(), b"of somebody");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    // The folder itself may be one: whoever configured it chose so.
    symlink(&inside, scratch.path().join("chosen")).unwrap();
    assert_eq!(got(&Folder::new(scratch.path().join("chosen")), "real/link"), b"1");
}

pub fn what_is_not_ours_is_neither_listed_nor_touched() {
    let scratch = TempDir::new();
    let folder = Folder::new(scratch.path());
    fs::create_dir(scratch.path().join("System Volume Information")).unwrap();
    for foreign in ["System Volume Information/a", "holiday photo.jpg", "._a", "b~1"] {
        fs::write(scratch.path().join(foreign), b"x").unwrap();
    }
    rustix::fs::mkfifoat(rustix::fs::CWD, scratch.path().join("pipe"), 0o600.into()).unwrap();
    put(&folder, "a", b"1").unwrap();
    assert_eq!(listed(&folder), ["a"]);
    assert!(matches!(folder.get(&name("pipe")), Err(TargetError::Absent(_))));
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 6);
}

pub fn an_object_that_is_cut_short_while_it_is_read_is_an_error() {
    let scratch = TempDir::new();
    let folder = Folder::new(scratch.path());
    put(&folder, "a", &[1; 100_000]).unwrap();
    let mut reader = folder.get(&name("a")).unwrap();
    let file = File::options().write(true).open(scratch.path().join("a")).unwrap();
    file.set_len(70_000).unwrap();
    let mut content = Vec::new();
    let error = reader.read_to_end(&mut content).unwrap_err();
    assert_eq!((error.kind(), content.len()), (io::ErrorKind::UnexpectedEof, 70_000));
}

pub fn what_is_read_comes_from_the_device() {
    let volume = Volume::mounted("ext4", 64 << 20);
    let folder = Folder::new(volume.path());
    put(&folder, "a", &[1; 1 << 20]).unwrap();
    let cached = || is_cached(&volume.path().join("a"));
    assert!(!cached(), "after a put");
    fs::read(volume.path().join("a")).unwrap();
    assert!(cached(), "after somebody read it");
    let reader = folder.get(&name("a")).unwrap();
    assert!(!cached(), "before it is read back");
    drop(reader);
}

/// Whether the beginning of a file is in the system's cache.
fn is_cached(path: &Path) -> bool {
    let file = File::open(path).unwrap();
    let mut first = [0; 1];
    let mut buffers = [io::IoSliceMut::new(&mut first)];
    match rustix::io::preadv2(&file, &mut buffers, 0, ReadWriteFlags::NOWAIT) {
        Err(Errno::AGAIN) => false,
        outcome => outcome.unwrap() > 0,
    }
}
