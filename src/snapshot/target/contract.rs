//! What every [`Target`] must do, as one suite: a place of a new kind is ready when it passes.

use std::io::{self, ErrorKind, Read};
use std::thread::scope;

use super::{Listed, Name, Target, TargetError};

/// Larger than what any kind of place sends at once, and no round number.
const LARGE: u64 = (17 << 20) + 1;

/// Runs the suite on a place that holds no object. Panics where it breaks its contract, and
/// returns the first error that a sound place must not give.
///
/// No object is called as a folder was: many places keep a folder when its last object goes.
pub fn run(target: &dyn Target) -> Result<(), TargetError> {
    nothing_is_no_error(target)?;
    what_was_put_is_got(target)?;
    a_listing_is_of_what_lies_below(target)?;
    what_is_put_again_is_replaced(target)?;
    a_source_that_fails_leaves_what_was_there(target)?;
    puts_may_overlap(target)?;
    no_name_is_a_folder(target)?;
    what_is_deleted_is_gone(target)
}

/// Bytes that follow from a seed, so that the half of one object is never that of another.
#[derive(Clone, Copy)]
struct Content {
    seed: u64,
    length: u64,
}

/// A prime, so that no part in which anything is sent begins as another does.
const BLOCK: usize = 65_521;

impl Content {
    fn read(self) -> ContentReader {
        let mut word = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let block = (0..BLOCK).map(|_| {
            word = (word ^ (word >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ self.seed;
            word.to_le_bytes()[7]
        });
        ContentReader { block: block.collect(), at: 0, length: self.length }
    }
}

/// Gives [`Content`] in pieces of odd lengths.
struct ContentReader {
    block: Vec<u8>,
    at: u64,
    length: u64,
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = &self.block[(self.at % BLOCK as u64) as usize..];
        let read = piece.take(self.length - self.at).read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Fails after so many bytes.
struct Failing(io::Take<ContentReader>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::new(ErrorKind::ConnectionReset, "the source failed")),
            read => Ok(read),
        }
    }
}

#[expect(clippy::expect_used, reason = "they all stand in this file")]
fn name(text: &str) -> Name {
    Name::parse(text).expect("that is a name")
}

fn put(target: &dyn Target, text: &str, content: Content) -> Result<(), TargetError> {
    target.put(&name(text), content.length, &mut content.read())
}

/// Whether the object is that content, every byte of it.
fn holds(target: &dyn Target, text: &str, content: Content) -> Result<bool, TargetError> {
    let mut there = target.get(&name(text))?;
    let (mut one, mut other) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut expected = content.read();
    loop {
        let read = match there.read(&mut one) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(TargetError::Failed(format!("{text}: {error}"))),
            Ok(read) => read,
        };
        if read == 0 {
            return Ok(expected.at == expected.length);
        }
        let enough = expected.read_exact(&mut other[..read]).is_ok();
        if !enough || one[..read] != other[..read] {
            return Ok(false);
        }
    }
}

fn is_absent(target: &dyn Target, text: &str) -> bool {
    matches!(target.get(&name(text)), Err(TargetError::Absent(_)))
}

#[track_caller]
fn lists(target: &dyn Target, under: &str, expected: &[(&str, u64)]) -> Result<(), TargetError> {
    let expected: Vec<_> = expected
        .iter()
        .map(|(text, length)| Listed { name: name(text), length: *length })
        .collect();
    assert_eq!(target.list(under)?, expected, "below {under:?}");
    Ok(())
}

fn clear(target: &dyn Target) -> Result<(), TargetError> {
    for listed in target.list("")? {
        target.delete(&listed.name)?;
    }
    lists(target, "", &[])
}

fn nothing_is_no_error(target: &dyn Target) -> Result<(), TargetError> {
    for under in ["", "a", "a/b"] {
        lists(target, under, &[])?;
    }
    assert!(is_absent(target, "a") && is_absent(target, "a/b/c.snap"));
    target.delete(&name("a"))?;
    target.delete(&name("a/b/c.snap"))
}

fn what_was_put_is_got(target: &dyn Target) -> Result<(), TargetError> {
    let long = "x".repeat(200);
    let deep = format!("{long}/{long}/a.b/0");
    let sizes = [
        ("one", 1),
        ("empty", 0),
        ("folder/some", 70_000),
        ("vault-snapshot-1764404823000000000.1-0011223344556677.000000000000002a.snap", 512),
        ("A+b_c.D/-", 9),
        (&*deep, 4096),
        ("folder/large.snap", LARGE),
    ];
    for (seed, (text, length)) in (1..).zip(sizes) {
        put(target, text, Content { seed, length })?;
    }
    for (seed, (text, length)) in (1..).zip(sizes) {
        assert!(holds(target, text, Content { seed, length })?, "{text}");
        let (name, url) = (name(text), target.url(&name(text)));
        assert!(url.ends_with(name.base()), "{url} leads to {text}");
    }
    let mut expected = sizes.to_vec();
    expected.sort_unstable();
    lists(target, "", &expected)?;
    clear(target)
}

fn a_listing_is_of_what_lies_below(target: &dyn Target) -> Result<(), TargetError> {
    // In the order of whole names: `-` and `.` come before `/`, `0` after it.
    let names = ["a-b/c", "a.b/c", "a/b/c/d", "a/b/d", "a/c", "a0", "a0b/c", "z"];
    for (seed, text) in (10..).zip(names.iter().rev()) {
        put(target, text, Content { seed, length: 3 })?;
    }
    let below = |under, expected: &[&str]| {
        lists(target, under, &expected.iter().map(|text| (*text, 3)).collect::<Vec<_>>())
    };
    below("", &names)?;
    below("a", &["a/b/c/d", "a/b/d", "a/c"])?;
    below("a/b", &["a/b/c/d", "a/b/d"])?;
    below("a/b/c", &["a/b/c/d"])?;
    below("a0b", &["a0b/c"])?;
    // What is no folder has nothing below it, and nothing leads out.
    for under in ["a0", "a/c", "b", "a/b/x", "a/b/c/d/e", "..", "a/.."] {
        below(under, &[])?;
    }
    clear(target)
}

fn what_is_put_again_is_replaced(target: &dyn Target) -> Result<(), TargetError> {
    for (seed, length) in (20..).zip([1000, 300_000, 7, 0, LARGE, 12]) {
        let content = Content { seed, length };
        put(target, "a/again", content)?;
        assert!(holds(target, "a/again", content)?, "{length} bytes");
        lists(target, "", &[("a/again", length)])?;
    }
    clear(target)
}

fn a_source_that_fails_leaves_what_was_there(target: &dyn Target) -> Result<(), TargetError> {
    let old = Content { seed: 30, length: 5000 };
    put(target, "a/old", old)?;
    for text in ["a/old", "a/new"] {
        for (length, until) in [(5, 0), (70_000, 1), (LARGE, LARGE - 1)] {
            let new = Content { seed: 31, length };
            let refused = |what, content: &mut dyn Read| {
                let outcome = target.put(&name(text), length, content);
                let fits = matches!(outcome, Err(TargetError::Source(_)));
                assert!(fits, "{what} at {until} of {length}: {outcome:?}");
            };
            refused("a failure", &mut Failing(new.read().take(until)));
            refused("an early end", &mut new.read().take(until));
            refused("more than told", &mut new.read().chain(&b"x"[..]));
            lists(target, "", &[("a/old", 5000)])?;
        }
    }
    assert!(holds(target, "a/old", old)? && is_absent(target, "a/new"));
    let new = Content { seed: 32, length: 6000 };
    put(target, "a/new", new)?;
    assert!(holds(target, "a/new", new)?);
    clear(target)
}

fn puts_may_overlap(target: &dyn Target) -> Result<(), TargetError> {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 3;
    let same = |thread| Content { seed: 40 + thread, length: 100_000 * (thread + 1) };
    put(target, "a/same", same(0))?;
    let work = |thread: u64| {
        for round in 0..ROUNDS {
            let own = Content { seed: 50 + THREADS * round + thread, length: 200_003 };
            let text = format!("a/{thread}/{round}");
            put(target, &text, own)?;
            put(target, "a/same", same(thread))?;
            assert!(holds(target, &text, own)?, "{text}");
            target.list("a")?;
        }
        Ok(())
    };
    scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        let mut outcomes = threads.into_iter().map(|thread| thread.join());
        outcomes.try_for_each(|outcome| outcome.unwrap_or_else(|p| std::panic::resume_unwind(p)))
    })?;
    let mut whole = 0;
    for thread in 0..THREADS {
        whole += u32::from(holds(target, "a/same", same(thread))?);
    }
    assert_eq!(whole, 1, "the object that several put is one of theirs");
    assert_eq!(target.list("")?.len() as u64, THREADS * ROUNDS + 1);
    clear(target)
}

fn no_name_is_a_folder(target: &dyn Target) -> Result<(), TargetError> {
    let content = Content { seed: 60, length: 10 };
    put(target, "d/e/f", content)?;
    for folder in ["d", "d/e"] {
        assert!(target.get(&name(folder)).is_err(), "a folder is no object");
        // It may be an error or not, but takes nothing with it.
        let _ = target.delete(&name(folder));
    }
    assert!(holds(target, "d/e/f", content)?);
    assert!(target.get(&name("d/e/f/g")).is_err(), "an object is no folder");
    clear(target)
}

fn what_is_deleted_is_gone(target: &dyn Target) -> Result<(), TargetError> {
    let content = Content { seed: 70, length: 10 };
    put(target, "e/1", content)?;
    put(target, "e/2", content)?;
    for _ in 0..2 {
        target.delete(&name("e/1"))?;
        assert!(is_absent(target, "e/1"));
        lists(target, "", &[("e/2", 10)])?;
    }
    put(target, "e/1", content)?;
    assert!(holds(target, "e/1", content)?);
    clear(target)
}
