//! What must hold of each remote target when its network or its server fails.

use std::io::{self, Read};
use std::time::Duration;

use edgekeep::snapshot::target::remote::Means;
use edgekeep::snapshot::target::{Name, Target, TargetError};

use super::peers::process::Process;
use super::peers::proxy::{Network, Proxy};

/// How long a peer may stand still in these tests.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// More than any buffer on the way holds.
const LARGE: u64 = 20 << 20;

/// What a target is given here.
pub fn means() -> Means {
    Means { patience: PATIENCE, ..Means::usual() }
}

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// Bytes that differ with the seed and with the place.
pub struct Content {
    seed: u8,
    at: u64,
    length: u64,
}

pub fn content(seed: u8, length: u64) -> Content {
    Content { seed, at: 0, length }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length - self.at).unwrap();
        let length = left.min(buffer.len());
        for byte in &mut buffer[..length] {
            *byte = (self.at ^ (self.at >> 8) ^ (self.at >> 16)) as u8 ^ self.seed;
            self.at += 1;
        }
        Ok(length)
    }
}

/// Does something when so much was read.
struct Then<F: FnMut()> {
    content: Content,
    at: u64,
    then: Option<F>,
}

impl<F: FnMut()> Read for Then<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.content.at >= self.at
            && let Some(mut then) = self.then.take()
        {
            then();
        }
        self.content.read(buffer)
    }
}

pub fn put(target: &dyn Target, text: &str, seed: u8, length: u64) -> Result<(), TargetError> {
    target.put(&name(text), length, &mut content(seed, length))
}

/// What is there: of which seed, or torn.
pub fn there(target: &dyn Target, text: &str) -> Result<Vec<u8>, TargetError> {
    let mut bytes = Vec::new();
    let read = target.get(&name(text))?.read_to_end(&mut bytes);
    read.map_err(|error| TargetError::Failed(format!("broke: {error}")))?;
    Ok(bytes)
}

/// Whether an object is whole, and of that seed.
pub fn is_whole(target: &dyn Target, text: &str, seed: u8, length: u64) -> bool {
    let mut wanted = Vec::new();
    content(seed, length).read_to_end(&mut wanted).unwrap();
    there(target, text).unwrap() == wanted
}

fn listed(target: &dyn Target) -> Vec<(String, u64)> {
    let all = target.list("").unwrap().into_iter();
    all.map(|listed| (listed.name.to_string(), listed.length)).collect()
}

/// The network is cut at many places of a put: what was there stays, what is new is whole or
/// absent, and the same target works as soon as the network is back. `left` tells how many files
/// the server itself holds.
pub fn cut_off(target: &dyn Target, proxy: &Proxy, left: impl Fn() -> usize) {
    put(target, "cut/kept", 1, 100_000).unwrap();
    put(target, "cut/old", 2, 5000).unwrap();
    let places = [0, 1, 700, 3000, 20_000, 1 << 20, LARGE - 1000];
    let closes = places.map(Network::Closes).into_iter();
    let stops = [Network::Stops(0), Network::Stops(900), Network::Stops(2 << 20)];
    let deaf = [Network::Deaf(0), Network::Deaf(500)];
    let mut old = (2, 5000);
    for network in closes.chain(stops).chain(deaf) {
        proxy.is(network);
        let outcome = put(target, "cut/old", 3, LARGE);
        proxy.is(Network::Whole);
        match outcome {
            Ok(()) => old = (3, LARGE),
            Err(TargetError::Away(_)) => {}
            Err(other) => panic!("{network:?}: {other:?}"),
        }
        let seen = listed(target);
        let whole = [("cut/kept".to_owned(), 100_000), ("cut/old".to_owned(), old.1)];
        let moved = [("cut/kept".to_owned(), 100_000), ("cut/old".to_owned(), LARGE)];
        assert!(seen == whole || seen == moved, "{network:?}: {seen:?}");
        if seen == moved {
            old = (3, LARGE);
        }
        assert!(is_whole(target, "cut/kept", 1, 100_000), "{network:?}");
        assert!(is_whole(target, "cut/old", old.0, old.1), "{network:?}");
        put(target, "cut/old", 2, 5000).unwrap_or_else(|e| panic!("{network:?}: {e:?}"));
        old = (2, 5000);
    }
    assert_eq!(left(), 2, "what failed attempts left behind is gone");
    for text in ["cut/kept", "cut/old"] {
        target.delete(&name(text)).unwrap();
    }
}

/// A connection that ends before its answer, as one that was kept may, is made anew by who may ask
/// twice.
pub fn ended_once(target: &dyn Target, proxy: &Proxy) {
    put(target, "once/more", 1, 5000).unwrap();
    let ends = || proxy.is(Network::Cuts(0));
    ends();
    assert_eq!(listed(target), [("once/more".to_owned(), 5000)]);
    assert!(proxy.is_whole());
    ends();
    assert!(is_whole(target, "once/more", 1, 5000));
    ends();
    target.delete(&name("once/more")).unwrap();
    assert!(proxy.is_whole());
    assert_eq!(listed(target), []);
}

/// A peer that stands still while an object is read counts as gone, and the end before the
/// object's is an error; one that is slow does not.
pub fn slow_and_stuck(target: &dyn Target, proxy: &Proxy) {
    const LENGTH: u64 = 14 << 20;
    put(target, "slow/a", 4, 8 << 20).unwrap();
    for network in [Network::Deaf(2 << 20), Network::Stops(0)] {
        let mut reader = target.get(&name("slow/a")).unwrap();
        reader.read_exact(&mut [0; 10]).unwrap();
        proxy.is(network);
        let outcome = match network {
            Network::Stops(_) => target.get(&name("slow/a")).map(drop).map_err(|e| e.to_string()),
            _ => reader.read_to_end(&mut Vec::new()).map(drop).map_err(|e| e.to_string()),
        };
        proxy.is(Network::Whole);
        assert!(outcome.is_err(), "{network:?}");
    }
    // Both directions take longer than the patience, which what the kernel buffers does not.
    proxy.is(Network::Slow(40_000));
    put(target, "slow/b", 5, LENGTH).unwrap();
    assert!(is_whole(target, "slow/b", 5, LENGTH));
    proxy.is(Network::Whole);
    for text in ["slow/a", "slow/b"] {
        target.delete(&name(text)).unwrap();
    }
}

/// The server is killed in the middle of a put, and comes back.
pub fn killed(target: &dyn Target, server: &mut Process, left: impl Fn() -> usize) {
    put(target, "killed/kept", 6, 70_000).unwrap();
    for at in [1, 100_000, LARGE / 2, LARGE - 1] {
        let kill = || server.kill();
        let mut source = Then { content: content(7, LARGE), at, then: Some(kill) };
        let outcome = target.put(&name("killed/new"), LARGE, &mut source);
        assert!(matches!(outcome, Err(TargetError::Away(_))), "at {at}: {outcome:?}");
        assert!(matches!(target.list(""), Err(TargetError::Away(_))));
        server.again();
        assert_eq!(listed(target), [("killed/kept".to_owned(), 70_000)], "at {at}");
        assert!(is_whole(target, "killed/kept", 6, 70_000));
    }
    put(target, "killed/new", 7, LARGE).unwrap();
    assert!(is_whole(target, "killed/new", 7, LARGE));
    assert_eq!(left(), 2, "what failed attempts left behind is gone");
    for text in ["killed/kept", "killed/new"] {
        target.delete(&name(text)).unwrap();
    }
}

/// The place fills up in the middle of a put: what was there stays, and when there is room again
/// the same target goes on. `is_full` judges the error.
pub fn full(
    target: &dyn Target,
    more: u64,
    make_room: impl FnOnce(),
    is_full: impl Fn(&TargetError) -> bool,
) {
    put(target, "full/kept", 8, 9000).unwrap();
    for _ in 0..2 {
        let error = put(target, "full/new", 9, more).unwrap_err();
        assert!(is_full(&error), "{error:?}");
        assert!(is_whole(target, "full/kept", 8, 9000));
    }
    make_room();
    put(target, "full/new", 9, more).unwrap();
    assert!(is_whole(target, "full/new", 9, more));
}
