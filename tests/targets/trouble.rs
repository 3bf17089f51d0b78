//! A folder on a disk that is full, read-only, failing or not ours.

use std::fs;
use std::io::Read;
use std::thread::scope;

use edgekeep::snapshot::target::folder::Folder;
use edgekeep::snapshot::target::{Target, TargetError, contract};
use rustix::process::Uid;

use super::folder::{Midway, got, listed, name, put};
use super::support::TempDir;
use super::support::harness::{needs, needs_root};
use super::support::volume::Volume;

/// What nobody should read.
struct Untouched;

impl Read for Untouched {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("it was begun");
    }
}

/// The files in `a` of a folder, hidden ones too.
fn files(folder: &Folder) -> usize {
    fs::read_dir(folder.path().join("a")).unwrap().count()
}

pub fn what_does_not_fit_is_refused_before_it_begins(kind: &'static str) {
    let volume = Volume::mounted(kind, 48 << 20);
    let folder = Folder::new(volume.path());
    put(&folder, "a/old", b"1").unwrap();
    let refused = folder.put(&name("a/new"), 1 << 30, &mut Untouched).unwrap_err();
    assert!(matches!(refused, TargetError::Full(_)), "{refused:?}");
    assert!(refused.to_string().contains("make room"), "{refused}");
    // Where there is room for so much it would end at 4 GiB.
    let refused = folder.put(&name("a/new"), 1 << 32, &mut Untouched).unwrap_err();
    assert!(matches!(refused, TargetError::Full(_)), "{refused:?}");
    assert_eq!(refused.to_string().contains("format it with exFAT"), kind == "vfat", "{refused}");
    assert_eq!((listed(&folder), files(&folder)), (vec!["a/old".to_owned()], 1));
}

pub fn a_disk_that_somebody_fills_in_the_middle_keeps_what_it_had(kind: &'static str) {
    const LENGTH: u64 = 16 << 20;
    let volume = Volume::mounted(kind, 48 << 20);
    let folder = Folder::new(volume.path());
    put(&folder, "a/old", b"1").unwrap();
    let ballast = volume.path().join("holiday photos");
    let mut content = Midway::new(LENGTH, LENGTH / 2, || {
        let mut file = fs::File::create(&ballast).unwrap();
        assert!(std::io::copy(&mut std::io::repeat(1), &mut file).is_err());
    });
    let refused = folder.put(&name("a/new"), LENGTH, &mut content).unwrap_err();
    assert!(matches!(refused, TargetError::Full(_)), "{refused:?}");
    assert_eq!((listed(&folder), files(&folder)), (vec!["a/old".to_owned()], 1));
    assert_eq!(got(&folder, "a/old"), b"1");
    // And room can be made there.
    folder.delete(&name("a/old")).unwrap();
    fs::remove_file(ballast).unwrap();
    contract::run(&folder).unwrap();
}

pub fn what_is_mounted_read_only_is_read(kind: &'static str) {
    let volume = Volume::mounted(kind, 48 << 20);
    let folder = Folder::new(volume.path());
    put(&folder, "a/old", b"1").unwrap();
    needs("a disk that is mounted anew", volume.remount("ro"));
    for refused in [
        put(&folder, "a/new", b"2"),
        put(&folder, "a/old", b"2"),
        put(&folder, "b/new", b"2"),
        folder.delete(&name("a/old")),
    ] {
        assert!(matches!(refused, Err(TargetError::ReadOnly(_))), "{refused:?}");
    }
    assert_eq!((listed(&folder), got(&folder, "a/old")), (vec!["a/old".to_owned()], b"1".into()));
    volume.remount("rw").unwrap();
    put(&folder, "a/old", b"2").unwrap();
}

pub fn a_device_that_fails_in_the_middle_keeps_what_it_had(kind: &'static str) {
    goes_in_the_middle(kind, false);
}

pub fn a_disk_that_is_gone_in_the_middle_keeps_what_it_had(kind: &'static str) {
    goes_in_the_middle(kind, true);
}

fn goes_in_the_middle(kind: &'static str, pulled: bool) {
    const LENGTH: u64 = 16 << 20;
    let volume = Volume::fallible(kind);
    let folder = Folder::new(volume.path());
    let old = vec![5; 3 << 20];
    put(&folder, "a/old", &old).unwrap();
    let mut ballast = None;
    let mut content = Midway::new(LENGTH, LENGTH / 2, || {
        ballast = Some(volume.fail());
        if pulled {
            volume.unmount();
        }
    });
    let refused = folder.put(&name("a/new"), LENGTH, &mut content).unwrap_err();
    match &refused {
        TargetError::Away(_) => assert!(pulled, "{refused:?}"),
        // A loop device fails as what is below it does.
        TargetError::Failed(_) | TargetError::ReadOnly(_) | TargetError::Full(_) => {
            assert!(!pulled, "{refused:?}");
        }
        _ => panic!("{refused:?}"),
    }
    fs::remove_file(ballast.unwrap()).unwrap();
    volume.unmount();
    volume.mount().unwrap();
    assert_eq!(listed(&folder), ["a/old"], "{refused:?}");
    assert!(got(&folder, "a/old") == old);
    put(&folder, "a/new", b"2").unwrap();
    assert_eq!(files(&folder), 2, "what the failed attempt left is gone");
}

pub fn what_is_not_ours_is_denied() {
    needs_root("to become somebody else");
    let scratch = TempDir::new();
    let folder = Folder::new(scratch.path());
    put(&folder, "a/old", b"1").unwrap();
    scope(|scope| {
        scope.spawn(|| {
            // Of this thread alone.
            let nobody = Uid::from_raw(65_534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            for refused in [
                put(&folder, "a/new", b"2"),
                put(&folder, "b", b"2"),
                folder.get(&name("a/old")).map(drop),
                folder.list("").map(drop),
                folder.delete(&name("a/old")),
            ] {
                assert!(matches!(refused, Err(TargetError::Denied(_))), "{refused:?}");
                let text = refused.unwrap_err().to_string();
                assert!(text.contains("the user that runs edgekeep"), "{text}");
            }
        });
    });
    assert_eq!(got(&folder, "a/old"), b"1");
}
