//! Sealed paths: where an entry stands in the store, with no name in the clear.
//!
//! ```text
//! kind 1 = 0x01 | mount 8 | segment.. | [ 0x00 0x00 | part 8 BE ]
//! segment = length 2 BE | SIV 16 | ciphertext
//! ```
//!
//! Each segment of a path is sealed by itself with AES-256-SIV (RFC 5297); its associated data is
//! the SIV of the segment before, for the first one the mount's id. So equal names look different
//! under different parents, a sealed folder is a prefix of everything below it, and a listing is
//! one range. A segment's length is never below 16, so an entry's numbered parts sort between the
//! entry and what is below it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Mutex;

use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use zeroize::Zeroizing;

use crate::base::entropy::Entropy;
use crate::base::hex;
use crate::base::pages::{Key, Locked};
use crate::base::sync::lock;

/// The first byte of every sealed path; what begins with another is a record of the system.
pub const TREE: u8 = 1;

/// At most this many segments in a path, those of its scope included.
pub const MAX_SEGMENTS: usize = 1000;
/// A segment is at most this long, in bytes, so that its sealed length fits 16 bits.
pub const MAX_SEGMENT: usize = u16::MAX as usize - SIV;
/// A sealed path is at most this long, so that it and a part's number fit a physical key.
pub const MAX_SEALED: usize = (64 << 10) - PART;

const SIV: usize = 16;
/// How many sealed segments are remembered.
const MEMO: usize = 256;
/// Longer segments are not, so that this stays below 64 KiB in all.
const MEMO_SEGMENT: usize = 64;
const ROOT: usize = 1 + size_of::<MountId>();
const PART: usize = 2 + size_of::<u64>();

/// What a mount's entries begin with: a random number, never its path, so that a remount moves
/// nothing. It stands in the clear.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct MountId([u8; 8]);

impl MountId {
    /// The tree of what belongs to no mount: mount tables, tokens, leases, configuration.
    pub const SYSTEM: Self = Self([0; 8]);

    /// A new one.
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for MountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for MountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MountId({self})")
    }
}

/// A path that cannot be stored: the client's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// More than [`MAX_SEGMENTS`].
    TooManySegments,
    /// A segment longer than [`MAX_SEGMENT`], or a whole longer than [`MAX_SEALED`] once sealed.
    TooLong,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManySegments => write!(f, "the path has more than {MAX_SEGMENTS} segments"),
            Self::TooLong => f.write_str("the path is too long"),
        }
    }
}

impl std::error::Error for NameError {}

/// A physical key that is no sealed path of this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign;

/// A sealed folder or entry. As bytes it is the physical key of the entry.
#[derive(Clone)]
pub struct SealedPath {
    key: Vec<u8>,
    segments: usize,
    /// Where the last segment's SIV stands; in a root, the mount's id.
    context: Range<usize>,
}

impl SealedPath {
    /// The root of a mount's tree.
    pub fn root(mount: MountId) -> Self {
        Self { key: [&[TREE], &mount.0[..]].concat(), segments: 0, context: 1..ROOT }
    }

    /// The physical key of the entry.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The physical key of one part of the entry.
    pub fn part(&self, number: u64) -> Vec<u8> {
        [&self.key[..], &[0, 0], &number.to_be_bytes()].concat()
    }

    /// Everything below this folder: from, and before which key. Neither the entry of the same
    /// name nor its parts are in it.
    pub fn below(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        (first_below(&self.key), successor(&self.key))
    }

    /// The sealed segment right below this folder that `key`, which is below it, goes through.
    pub fn child_of<'k>(&self, key: &'k [u8]) -> Result<Child<'k>, Foreign> {
        let rest = key.strip_prefix(&self.key[..]).ok_or(Foreign)?;
        let (segment, rest) = split_segment(rest).ok_or(Foreign)?;
        let role = match rest {
            [] => Role::Entry,
            [0, 0, ..] => Role::Part,
            _ => Role::Deeper,
        };
        Ok(Child { segment, end: key.len() - rest.len(), role })
    }

    /// Whether `key`, which is below this folder, is an entry and no part of one.
    pub fn is_entry(&self, key: &[u8]) -> Result<bool, Foreign> {
        let mut rest = key.strip_prefix(&self.key[..]).ok_or(Foreign)?;
        loop {
            (_, rest) = split_segment(rest).ok_or(Foreign)?;
            match rest {
                [] => return Ok(true),
                [0, 0, ..] => return Ok(false),
                _ => {}
            }
        }
    }

    /// The associated data of the segments right below.
    fn context(&self) -> &[u8] {
        &self.key[self.context.clone()]
    }
}

/// One segment below a folder.
pub struct Child<'k> {
    /// SIV and ciphertext.
    pub segment: &'k [u8],
    /// Where the segment ends in the key.
    pub end: usize,
    /// What the key is to the child.
    pub role: Role,
}

/// What a physical key is to a child that it goes through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The child's own entry.
    Entry,
    /// A part of the child's entry.
    Part,
    /// An entry or part below the child.
    Deeper,
}

/// No key below the entry or folder at `key` sorts before this one, and all its parts do.
pub fn first_below(key: &[u8]) -> Vec<u8> {
    [key, &(SIV as u16).to_be_bytes()].concat()
}

/// The first key after all that begin with `prefix`; none when there is no such key.
pub fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next)
}

/// A path as it was before it was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainPath {
    /// Whose it is.
    pub mount: MountId,
    /// The path within the mount.
    pub path: String,
    /// Which part of the entry, or the entry itself.
    pub part: Option<u64>,
}

/// The cipher of all names, kept ready.
pub struct Names {
    // The cipher's MAC has a state that every use writes to. A use takes a microsecond or two.
    sealer: Mutex<Sealer>,
}

struct Sealer {
    cipher: Locked<Aes256Siv>,
    memo: Memo,
}

/// The segments sealed last. Few of them (of the mount table, of tokens, of busy folders) are in
/// nearly every request, and sealing is most of what a small read costs.
struct Memo([Option<Remembered>; MEMO]);

struct Remembered {
    context: Vec<u8>,
    segment: Zeroizing<Vec<u8>>,
    sealed: Vec<u8>,
}

impl Memo {
    fn place(&mut self, context: &[u8], segment: &[u8]) -> &mut Option<Remembered> {
        let mut hasher = DefaultHasher::new();
        (context, segment).hash(&mut hasher);
        // Below MEMO, which fits any integer.
        &mut self.0[(hasher.finish() % MEMO as u64) as usize]
    }
}

impl Sealer {
    fn seal(&mut self, context: &[u8], segment: &[u8]) -> Result<Vec<u8>, NameError> {
        let place = self.memo.place(context, segment);
        if let Some(known) = place
            && known.context == context
            && *known.segment == segment
        {
            return Ok(known.sealed.clone());
        }
        let sealed = self.cipher.encrypt([context], segment).map_err(|_| NameError::TooLong)?;
        if segment.len() <= MEMO_SEGMENT {
            let (context, segment) = (context.to_vec(), Zeroizing::new(segment.to_vec()));
            *place = Some(Remembered { context, segment, sealed: sealed.clone() });
        }
        Ok(sealed)
    }
}

impl Names {
    /// Prepares the name key.
    pub fn new(key: &Key<64>) -> Self {
        let cipher = Locked::new(Aes256Siv::new((&**key).into()));
        Self { sealer: Mutex::new(Sealer { cipher, memo: Memo([const { None }; MEMO]) }) }
    }

    /// Seals `path`, split at each `/`, below `folder`. Empty segments are kept.
    pub fn seal(&self, folder: &SealedPath, path: &str) -> Result<SealedPath, NameError> {
        let mut sealer = lock(&self.sealer);
        let mut sealed = folder.clone();
        for segment in path.split('/') {
            if sealed.segments == MAX_SEGMENTS {
                return Err(NameError::TooManySegments);
            }
            if segment.len() > MAX_SEGMENT {
                return Err(NameError::TooLong);
            }
            let name = sealer.seal(sealed.context(), segment.as_bytes())?;
            sealed.key.extend((name.len() as u16).to_be_bytes());
            let start = sealed.key.len();
            sealed.key.extend(&name);
            sealed.context = start..start + SIV;
            sealed.segments += 1;
            if sealed.key.len() > MAX_SEALED {
                return Err(NameError::TooLong);
            }
        }
        Ok(sealed)
    }

    /// The name of a child of `folder`.
    pub fn open_child(&self, folder: &SealedPath, segment: &[u8]) -> Result<String, Foreign> {
        self.open_segment(folder.context(), segment)
    }

    /// The path below `folder` of the entry at `key`.
    pub fn open_below(&self, folder: &SealedPath, key: &[u8]) -> Result<String, Foreign> {
        let below = key.strip_prefix(&folder.key[..]).ok_or(Foreign)?;
        match self.open_segments(folder.context(), below)? {
            (path, []) if !path.is_empty() => Ok(path.join("/")),
            _ => Err(Foreign),
        }
    }

    /// What a physical key was made of.
    pub fn open(&self, key: &[u8]) -> Result<PlainPath, Foreign> {
        let (root, below) = key.split_at_checked(ROOT).ok_or(Foreign)?;
        let mount = root.strip_prefix(&[TREE]).and_then(|id| id.try_into().ok()).ok_or(Foreign)?;
        let (path, rest) = self.open_segments(&root[1..], below)?;
        let part = match rest {
            [] => None,
            [0, 0, number @ ..] => Some(u64::from_be_bytes(number.try_into().or(Err(Foreign))?)),
            _ => return Err(Foreign),
        };
        if path.is_empty() || path.len() > MAX_SEGMENTS {
            return Err(Foreign);
        }
        Ok(PlainPath { mount: MountId(mount), path: path.join("/"), part })
    }

    /// The segments in front, the first of them in `context`, and what follows them.
    fn open_segments<'k>(
        &self,
        mut context: &'k [u8],
        mut rest: &'k [u8],
    ) -> Result<(Vec<String>, &'k [u8]), Foreign> {
        let mut path = Vec::new();
        while let Some((segment, after)) = split_segment(rest) {
            path.push(self.open_segment(context, segment)?);
            context = &segment[..SIV];
            rest = after;
        }
        Ok((path, rest))
    }

    fn open_segment(&self, context: &[u8], segment: &[u8]) -> Result<String, Foreign> {
        let mut sealer = lock(&self.sealer);
        let name = sealer.cipher.decrypt([context], segment).map_err(|_| Foreign)?;
        let name = String::from_utf8(name).map_err(|_| Foreign)?;
        if name.contains('/') { Err(Foreign) } else { Ok(name) }
    }
}

/// The sealed segment in front, and what follows it.
fn split_segment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length < SIV { None } else { rest.split_at_checked(length) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    fn names() -> (Names, SealedPath) {
        let entropy = SeededEntropy::new(3);
        (Names::new(&Key::random(&entropy)), SealedPath::root(MountId::random(&entropy)))
    }

    #[test]
    fn what_is_sealed_opens_again() {
        let (names, root) = names();
        for path in ["a", "a/b/c", "", "/", "a//b/", "ü/\0/x y", &"long".repeat(4000)] {
            let sealed = names.seal(&root, path).unwrap();
            let plain = names.open(sealed.key()).unwrap();
            assert_eq!((plain.path.as_str(), plain.part), (path, None));
            let plain = names.open(&sealed.part(u64::MAX)).unwrap();
            assert_eq!((plain.path.as_str(), plain.part), (path, Some(u64::MAX)));
            assert_eq!(names.open_below(&root, sealed.key()).as_deref(), Ok(path));
            assert_eq!(names.open_below(&root, &sealed.part(0)), Err(Foreign));
        }
    }

    #[test]
    fn a_folder_is_a_prefix_and_step_by_step_is_the_same_path() {
        let (names, root) = names();
        let folder = names.seal(&root, "a/b").unwrap();
        let whole = names.seal(&root, "a/b/c/d").unwrap();
        assert!(whole.key().starts_with(folder.key()));
        assert_eq!(names.seal(&folder, "c/d").unwrap().key(), whole.key());
        assert_eq!(names.open_below(&folder, whole.key()).as_deref(), Ok("c/d"));
        assert_eq!(names.open_below(&whole, folder.key()), Err(Foreign));
    }

    #[test]
    fn equal_names_look_different_under_other_parents_and_mounts() {
        let (names, root) = names();
        let last = |path| names.seal(&root, path).unwrap().key()[1..].to_vec();
        let tail = |bytes: Vec<u8>| bytes[bytes.len() - 19..].to_vec();
        assert_ne!(tail(last("a/x")), tail(last("b/x")));
        assert_ne!(tail(last("x/x")), tail(last("x")));
        let other = SealedPath::root(MountId::random(&SeededEntropy::new(4)));
        let elsewhere = names.seal(&other, "x").unwrap();
        assert_ne!(tail(last("x")), tail(elsewhere.key().to_vec()));
    }

    #[test]
    fn the_order_is_entry_parts_below_next() {
        let (names, root) = names();
        let entry = names.seal(&root, "a").unwrap();
        let below = names.seal(&entry, "").unwrap();
        let (from, to) = entry.below();
        let order = [entry.key().to_vec(), entry.part(0), entry.part(u64::MAX), from.clone()];
        assert!(order.is_sorted_by(|a, b| a < b));
        assert!(*from <= *below.key() && *below.key() < *to.clone().unwrap());
        assert!(*from <= *below.part(0) && below.part(u64::MAX) < to.unwrap());
    }

    #[test]
    fn limits_are_errors() {
        let (names, root) = names();
        let sealed = |path: &str| names.seal(&root, path).map(|sealed| sealed.key().len());
        assert!(sealed(&vec!["a"; MAX_SEGMENTS].join("/")).is_ok());
        assert_eq!(sealed(&vec!["a"; 1001].join("/")), Err(NameError::TooManySegments));
        let room = MAX_SEALED - ROOT - 2 - SIV;
        assert_eq!(sealed(&"a".repeat(room)), Ok(MAX_SEALED));
        assert_eq!(sealed(&"a".repeat(room + 1)), Err(NameError::TooLong));
        assert_eq!(sealed(&"a".repeat(100_000)), Err(NameError::TooLong));
        assert_eq!(sealed(&vec!["a".repeat(600); 110].join("/")), Err(NameError::TooLong));
    }

    #[test]
    fn changed_cut_and_moved_keys_do_not_open() {
        let (names, root) = names();
        let sealed = names.seal(&root, "one/two").unwrap();
        for key in [sealed.key().to_vec(), sealed.part(258)] {
            for at in 0..key.len() {
                for bit in 0..8 {
                    let mut changed = key.clone();
                    changed[at] ^= 1 << bit;
                    let opened = names.open(&changed);
                    // A part's number stands in the clear: its value does not open, its key does.
                    let number = at >= sealed.key().len() + 2;
                    assert_eq!(opened.is_err(), !number, "byte {at}");
                }
                let shorter = names.open(&key[..at]);
                let folder = names.seal(&root, "one").unwrap().key().len();
                assert_eq!(shorter.is_ok(), at == folder || at == sealed.key().len());
            }
        }
        assert_eq!(names.open(root.key()), Err(Foreign));
        assert_eq!(names.open(b""), Err(Foreign));
    }

    #[test]
    fn the_cipher_is_that_of_rfc_5297() {
        // No vector of the RFC has a 512-bit key; this one was made with OpenSSL's AES-256-SIV.
        let key: [u8; 64] = std::array::from_fn(|n| n as u8);
        let names = Names::new(&Key::new(key));
        let root = SealedPath::root(MountId::SYSTEM);
        let sealed = names.seal(&root, "secret").unwrap();
        assert_eq!(
            hex::encode(&sealed.key()[ROOT..]),
            "0016a8bb1f1bf5d7371a8675051be1f80d0b5adc1b730b7e"
        );
    }

    #[test]
    fn successors() {
        assert_eq!(successor(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(successor(&[1, 0xff]), Some(vec![2]));
        assert_eq!(successor(&[0xff, 0xff]), None);
        assert_eq!(successor(&[]), None);
    }
}
