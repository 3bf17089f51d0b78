//! Frozen files: what was once written must open for ever. See `tests/vectors/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use edgekeep::barrier::envelope;
use edgekeep::barrier::journal::Chain;
use edgekeep::barrier::journal::live::scan;
use edgekeep::barrier::journal::record::Record;
use edgekeep::barrier::names::{MountId, Names, SealedPath};
use edgekeep::barrier::owed::{OWED, Owed};
use edgekeep::barrier::restore::Accept;
use edgekeep::barrier::root::Timeline;
use edgekeep::barrier::seal::auto::{AutoSeal, Settings};
use edgekeep::barrier::seal::shamir::{Split, combine};
use edgekeep::barrier::seal::static_key::{self, NamedKey};
use edgekeep::barrier::seal::{Recovery, SealRecord};
use edgekeep::barrier::{Barrier, RESTORED, Unsealed};
use edgekeep::base::clock::{ManualClock, Timestamp};
use edgekeep::base::credential::Credential;
use edgekeep::base::entropy::SeededEntropy;
use edgekeep::base::pages::Key;
use edgekeep::base::record::Record as _;
use edgekeep::base::secret::Secret;
use edgekeep::mount::returned;
use edgekeep::mount::store::MountStore;
use edgekeep::mount::table::{Mount, MountTable};
use edgekeep::snapshot::include::{self, Gathered, Included};
use edgekeep::snapshot::journal::segment::{self, End, Header, Next, SegmentReader};
use edgekeep::snapshot::keeper::settings::{Fields, Given};
use edgekeep::snapshot::keeper::stored;
use edgekeep::snapshot::keeper::watch::{Noted, Watch};
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::restore::receive;
use edgekeep::snapshot::rewind::file;
use edgekeep::snapshot::spool::Spools;
use edgekeep::snapshot::take::take;
use edgekeep::snapshot::verify::verify;
use edgekeep::storage::memory::Memory;
use edgekeep::storage::{Storage, Urgency, Writer};
use edgekeep::token::record::TokenKey;
use edgekeep::token::store as tokens;

type Error = Box<dyn std::error::Error>;

/// A frozen file: lines of a word and hex fields.
struct Vector(Vec<(String, Vec<Vec<u8>>)>);

impl Vector {
    fn load(name: &str) -> Self {
        let text = fs::read_to_string(path(name)).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let parsed = lines.map(|line| {
            let mut words = line.split(' ');
            (words.next().unwrap().to_owned(), words.map(unhex).collect())
        });
        Self(parsed.collect())
    }

    fn all(&self, word: &str) -> Vec<&[Vec<u8>]> {
        let lines = self.0.iter().filter(|(first, _)| first == word);
        lines.map(|(_, fields)| fields.as_slice()).collect()
    }

    fn one(&self, word: &str) -> &[u8] {
        &self.all(word)[0][0]
    }

    fn shares(&self) -> Vec<Secret> {
        self.all("share").iter().map(|fields| Secret::new(fields[0].clone())).collect()
    }

    /// The store of its entries, unsealed: all of them open.
    fn store(&self) -> (Arc<Memory>, Arc<Unsealed>) {
        let storage = Arc::new(Memory::new());
        let mut fill = |to: &mut dyn Writer| {
            let mut entries = self.all("entry").into_iter();
            entries.try_for_each(|fields| to.put(&fields[0], &fields[1]).map(drop))
        };
        storage.write(Urgency::Ordinary, &mut fill).unwrap();
        let clock = ManualClock::at(Timestamp::EPOCH);
        let entropy = SeededEntropy::new(0);
        let barrier = Barrier::new(storage.clone(), Arc::new(clock), Arc::new(entropy));
        let store = barrier.unseal(&combine(&self.shares()[1..]).unwrap()).unwrap();
        assert!(store.verify(&*storage.view().unwrap()).unwrap().good());
        (storage, store)
    }
}

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", name].iter().collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn envelope_1_opens() {
    let vector = Vector::load("envelope-1.txt");
    let key = Key::from_bytes(vector.one("key")).unwrap();
    for fields in vector.all("sealed") {
        let [place, value, sealed] = fields else { panic!("{fields:?}") };
        assert_eq!(envelope::open(&key, place, sealed).unwrap().as_slice(), value);
        assert_eq!(envelope::term(sealed), Ok(0x0102_0304));
    }
}

#[test]
fn names_1_are_sealed_as_ever() {
    let vector = Vector::load("names-1.txt");
    let names = Names::new(&Key::from_bytes(vector.one("key")).unwrap());
    let root = SealedPath::root(MountId::SYSTEM);
    for fields in vector.all("sealed") {
        let [path, sealed] = fields else { panic!("{fields:?}") };
        let path = std::str::from_utf8(path).unwrap();
        assert_eq!(hex(names.seal(&root, path).unwrap().key()), hex(sealed), "{path}");
        assert_eq!(names.open(sealed).unwrap().path, path);
    }
}

/// Seal record, keyring with two terms, root record, sealed paths, parts.
#[test]
fn store_1_opens_whole() {
    let vector = Vector::load("store-1.txt");
    let (_, store) = vector.store();
    let status = store.status();
    assert_eq!(status.store_id.as_bytes(), vector.one("store-id"));
    assert_eq!(status.timeline.to_string().as_bytes(), vector.one("timeline"));
    assert_eq!((status.format, status.revision, status.term), (1, 3, 2));
    assert_eq!(status.latest, STORED_AT);
    let keyring = store.keyring();
    assert_eq!((keyring.term(), keyring.installed()), (2, STORED_AT));

    must_hold_stored(&store);
    assert_eq!(status.tally.entries, STORED.len() as u64 + 2);
}

fn must_hold_stored(store: &Arc<Unsealed>) {
    let mut txn = store.begin().unwrap();
    for (path, part, value) in STORED {
        let mut scope = txn.scope(MountId::SYSTEM);
        let read = match part {
            None => scope.get(path),
            Some(part) => scope.get_part(path, *part),
        };
        assert_eq!(read.unwrap().unwrap().as_slice(), *value, "{path}");
    }
}

/// A segment whose chain comes to that.
fn whole(bytes: &[u8], chain: Chain) -> (Header, End) {
    let header = SegmentReader::new(bytes).unwrap().header().clone();
    file::read(bytes, &header.name(chain), &header.store_id, None, |_| {}).unwrap()
}

/// The head, the records beside the entries, and the same records as a segment.
#[test]
fn journal_1_is_chained_and_proved() {
    let vector = Vector::load("journal-1.txt");
    let (storage, store) = vector.store();
    must_hold_stored(&store);
    let head = store.journal().unwrap();
    assert_eq!((head.begun, head.revision, head.dropped, head.cut), (1, 4, 1, false));
    let (header, end) = whole(vector.one("segment"), head.chain);
    assert_eq!((header.first, header.last, end.chain), (2, 4, head.chain));
    assert_eq!(header.before, Chain::begin(head.timeline, head.begun));
    assert!(end.is_proved(&store.keyring()));
    let view = storage.view().unwrap();
    let records = scan(&*view, head.timeline, 0, u64::MAX).unwrap();
    let records: Vec<_> = records.map(Result::unwrap).collect();
    let mut reader = SegmentReader::new(vector.one("segment")).unwrap();
    for (revision, record) in &records {
        let Next::Entry(entry) = reader.read().unwrap() else { panic!("{revision}") };
        assert_eq!((entry.revision, &entry.record), (*revision, record));
        assert!(Record::read(record).unwrap().writes().all(|write| write.is_ok()));
    }
    assert_eq!(records.len(), 3);
}

/// Its first record is of form 2: the history left another one, and names it.
#[test]
fn journal_2_names_what_its_history_left() {
    let vector = Vector::load("journal-2.txt");
    let (storage, store) = vector.store();
    must_hold_stored(&store);
    let head = store.journal().unwrap();
    let left = head.origin.unwrap();
    assert_ne!(left.timeline, head.timeline);
    let view = storage.view().unwrap();
    let records = scan(&*view, head.timeline, 0, u64::MAX).unwrap();
    let records: Vec<_> = records.map(Result::unwrap).collect();
    let [(first, record), others @ ..] = &records[..] else { panic!("no records") };
    assert_eq!((record[0], Record::read(record).unwrap().origin), (2, Some(left)));
    assert_eq!(*first, left.revision + 1);
    assert!(others.iter().all(|(_, record)| record[0] == 1), "only the first");
    let (header, end) = whole(vector.one("segment"), head.chain);
    assert_eq!((header.origin, end.chain), (Some(left), head.chain));
    assert!(end.is_proved(&store.keyring()));
}

/// The stamps of snapshots, lapses of the journal, where it ended.
#[test]
fn notes_1_tell_what_was_taken_and_what_was_recorded() {
    let (_, store) = Vector::load("notes-1.txt").store();
    must_hold_stored(&store);
    let timeline = store.status().timeline;
    let stamps = store.stamps().unwrap();
    let has = |revision| stamps.has(STORED_AT, revision);
    assert_eq!([4, 5, 6].map(has), [false, true, false].map(Some));
    let lapses = store.lapses().unwrap();
    let lapsed = (1..=9).filter(|revision| lapses.hold(timeline, *revision));
    assert_eq!(lapsed.collect::<Vec<_>>(), [1, 6, 7]);
    let left: Vec<_> = store.left().unwrap().iter().map(|head| head.revision).collect();
    assert_eq!(left, [5]);
}

/// The file as a whole: gzip, tar, meta.json, state.bin, sums and their seal.
#[test]
fn snapshot_1_is_verified_and_restored() {
    let vector = Vector::load("snapshot-1.txt");
    let (file, key) = (vector.one("snapshot"), combine(&vector.shares()[1..]).unwrap());
    let verified = verify(file, &key).unwrap();
    assert_eq!(verified.findings(), [""; 0]);
    let about = &verified.inspected.meta.about;
    assert_eq!(about.store_id.as_bytes(), vector.one("store-id"));
    assert_eq!(about.timeline.as_bytes(), vector.one("timeline"));
    assert_eq!((about.format, about.revision), (1, 3));
    assert_eq!(about.time, "2027-01-15T08:00:00.123456789Z");

    let spool = Spools::new(std::env::temp_dir(), 0).open().unwrap();
    let (clock, entropy) = (ManualClock::at(Timestamp::EPOCH), SeededEntropy::new(0));
    let barrier = Barrier::new(Arc::new(Memory::new()), Arc::new(clock), Arc::new(entropy));
    receive(file, spool).unwrap().restore(&barrier, false).unwrap();
    must_hold_stored(&barrier.unseal(&key).unwrap());
}

/// A target that was set through the API, what was learned of one, files that go along.
#[test]
fn keeper_1_has_its_targets_and_what_was_learned_of_them() {
    let (_, store) = Vector::load("keeper-1.txt").store();
    let mut txn = store.begin().unwrap();
    assert_eq!(stored::list(&mut txn).unwrap(), ["box"]);
    assert_eq!(stored::read(&mut txn, "box").unwrap(), Some(fields()));
    assert!(stored::is_marked(&mut txn, "box", Path::new(MARKED)).unwrap());
    assert_eq!(stored::others(&mut txn, "box").unwrap(), others());
    assert!(include::kept(&mut txn).unwrap() == [included()]);
}

/// Up to where a restore left one of the other histories.
const LEFT: u64 = 5;

/// How long the other histories on a target were watched and did not grow.
#[test]
fn keeper_2_has_what_was_watched_there() {
    let (_, store) = Vector::load("keeper-2.txt").store();
    let noted = stored::watched(&mut store.begin().unwrap(), "box").unwrap();
    let mut watch = Watch::of(noted, Duration::ZERO);
    watch.look(&others(), MINUTE * 60);
    let growing = |minutes| watch.growing(MINUTE * minutes).into_iter();
    let [(older, _), (younger, _)] = others().into_iter().collect::<Vec<_>>()[..] else { panic!() };
    let told = [0, 1, 59, 60].map(|minutes| growing(minutes).collect::<Vec<_>>());
    assert_eq!(told, [vec![], vec![younger], vec![younger], vec![older, younger]]);
    assert_eq!([older, younger].map(|timeline| watch.left(timeline)), [Some(LEFT), None]);
    assert_eq!([older, younger].map(|timeline| watch.is_anothers(timeline)), [false, true]);
}

/// As a restore leaves a store: its notes, and what the first commit makes of them.
#[test]
fn restore_1_is_gone_on_with_by_its_notes() {
    let vector = Vector::load("restore-1.txt");
    let begin_with = |begin: &[u8]| {
        vector.all("entry").iter().filter(|fields| fields[0].starts_with(begin)).count()
    };
    assert_eq!([RESTORED, OWED].map(begin_with), [1, 3]);
    let (_, store) = vector.store();
    must_hold_stored(&store);
    let left: Timeline = str::from_utf8(vector.one("timeline")).unwrap().parse().unwrap();
    assert_eq!(store.status().timeline.number, left.number + 1);

    let mut txn = store.begin().unwrap();
    let mut taken = BTreeMap::new();
    while let Some((note, keys)) = tokens::take_returned(&mut txn).unwrap() {
        taken.insert(note, keys);
    }
    let at = |number| format!("token/returned/{RESTORE}-{number}");
    let [one, two, three] = RETURNED;
    assert_eq!(taken, [(at(0), vec![one, two]), (at(1), vec![three])].into());

    let mounts = MountStore::new(Arc::new(SeededEntropy::new(0)));
    let stays = |txn: &mut _| {
        let table = mounts.read(txn).unwrap();
        [LASTING, ENDED].map(|path| table.at(path).unwrap().stay)
    };
    let [lasting, ended] = stays(&mut txn);
    returned::begin_anew(&mounts, &mut txn).unwrap();
    let [still, anew] = stays(&mut txn);
    assert_eq!(still, lasting);
    assert_ne!(anew, ended, "what came through it before is over");
}

const RESTORE: &str = "7a7b3a52-96f1-4a33-8d0f-7d4b8a0c6e15";

const RETURNED: [TokenKey; 3] =
    [TokenKey::new([0; 32]), TokenKey::new([0x7f; 32]), TokenKey::new([0xff; 32])];

/// Auth methods: one that there was when a restore put the store, and one that had ended.
const LASTING: &str = "auth/approle/";
const ENDED: &str = "auth/userpass/";

const MINUTE: Duration = Duration::from_secs(60);

const MARKED: &str = "/mnt/b\u{f6}x/edgekeep";

/// A field of each kind.
fn fields() -> Fields {
    let mut fields = Fields::default();
    fields.set("storage_type", Given::Text("file".into()));
    fields.set("path_prefix", Given::Text(MARKED.into()));
    fields.set("interval", Given::Seconds(3600));
    fields.set("retain", Given::Number(u64::MAX));
    fields.set("journal", Given::Flag(true));
    fields
}

fn others() -> BTreeMap<Timeline, u64> {
    let of = |number, id| Timeline { number, id };
    [(of(1, 0x0011_2233_4455_6677), 3), (of(u32::MAX, u64::MAX), u64::MAX)].into()
}

fn included() -> Included {
    let (path, content) = ("/etc/edgekeep/edgekeep.hcl".into(), b"\0\xff".to_vec());
    Included { path, mode: 0o640, uid: 0, gid: u32::MAX, content }
}

const STORED_AT: Timestamp = Timestamp::from_nanos(1_800_000_000_123_456_789);

const STORED: &[(&str, Option<u64>, &[u8])] = &[
    ("a", None, b"before the rotation"),
    ("a/b", None, b"after the rotation"),
    ("a/b", Some(1), b"part one"),
    ("a/b", Some(u64::MAX), b"last part"),
    ("a//", None, b""),
    ("\u{fc}n\u{ef}/c\u{f6}de", None, b"\0\xff"),
];

#[test]
fn seal_1_opens_by_its_key_and_by_the_recovery_key() {
    let vector = Vector::load("seal-1.txt");
    let [key, recovery, root, record] =
        ["key", "recovery", "root", "record"].map(|word| vector.one(word));
    let record = SealRecord::decode(record).unwrap();
    let unseal_key = record.settings().unwrapped(&*static_seal(key)).unwrap();
    for key in [&unseal_key, &Key::from_bytes(recovery).unwrap()] {
        assert_eq!(&record.open(key).unwrap()[..], root);
    }
    assert_eq!(record.kind().split(), Split::new(5, 3).unwrap());
}

fn static_seal(key: &[u8]) -> Arc<dyn AutoSeal> {
    let key = Credential::parse(&hex(key)).unwrap();
    let current = NamedKey { id: "2026".to_owned(), key };
    let settings = Settings::Static(static_key::Settings { current, previous: None });
    settings.seal(Arc::new(SeededEntropy::new(0)), &[])
}

/// Made the frozen files; it overwrites none. `cargo test --test vectors -- --ignored`.
#[test]
#[ignore = "writes files"]
fn freeze() -> Result<(), Error> {
    write("envelope-1.txt", &frozen_envelope())?;
    write("names-1.txt", &frozen_names())?;
    write("store-1.txt", &frozen_store()?)?;
    write("snapshot-1.txt", &frozen_snapshot()?)?;
    write("journal-1.txt", &frozen_journal(made_store(105, true)?)?)?;
    write("journal-2.txt", &frozen_journal(made_branch()?)?)?;
    write("notes-1.txt", &frozen_notes()?)?;
    write("seal-1.txt", &frozen_seal()?)?;
    write("keeper-1.txt", &frozen_keeper()?)?;
    write("keeper-2.txt", &frozen_watched()?)?;
    write("restore-1.txt", &frozen_restore()?)
}

fn frozen_watched() -> Result<Vec<String>, Error> {
    let made = made_store(111, false)?;
    let mut watch = Watch::of(Noted::default(), Duration::ZERO);
    let mut ends = others();
    let younger = ends.pop_last();
    watch.look(&ends, MINUTE * 60);
    (1..=59).for_each(|minutes| watch.is_awake(MINUTE * minutes));
    ends.keys().for_each(|older| watch.is_left(*older, LEFT));
    ends.extend(younger);
    watch.look(&ends, MINUTE * 60);
    younger.iter().for_each(|(younger, _)| watch.goes_on(*younger));
    let (noted, _) = watch.news().ok_or("nothing is watched")?;
    made.store.transact(|txn| stored::note_watched(txn, "box", noted))?;
    entries(made)
}

/// A store in which another one was restored, and which nobody has opened since.
fn frozen_restore() -> Result<Vec<String>, Error> {
    let made = made_store(112, false)?;
    let entropy: Arc<SeededEntropy> = Arc::new(SeededEntropy::new(113));
    let mounts = MountStore::new(entropy.clone());
    let there = [LASTING, ENDED].map(|path| Mount::new(path, "userpass", "", &*entropy));
    made.store.transact(|txn| there.iter().try_for_each(|it| mounts.put(txn, it.clone())))?;
    let [lasting, _] = there;
    let mut notes = tokens::returned(RESTORE, &RETURNED, 2);
    notes.push(returned::noted(RESTORE, &MountTable::from_iter([lasting])));
    let owed: Vec<_> = notes.into_iter().map(|(path, value)| Owed { path, value }).collect();
    let view = made.storage.view()?;
    let sealed = Barrier::new(made.storage.clone(), Arc::new(ManualClock::at(STORED_AT)), entropy);
    sealed.restore(Accept::SameKeys, &mut |to| {
        for entry in view.scan(&[], None)? {
            let (key, value) = entry?;
            to.put(&key, &value)?;
        }
        made.store.note_owed(&owed, to)
    })?;
    entries(made)
}

fn frozen_keeper() -> Result<Vec<String>, Error> {
    let made = made_store(109, false)?;
    made.store.transact(|txn| {
        stored::write(txn, "box", &fields())?;
        stored::note_mark(txn, "box", Path::new(MARKED))?;
        stored::note_others(txn, "box", &others())?;
        include::keep(txn, &Gathered { files: vec![included()], missed: Vec::new() })
    })?;
    entries(made)
}

fn frozen_notes() -> Result<Vec<String>, Error> {
    let made = made_store(110, true)?;
    made.store.stamp()?;
    made.store.end_journal()?;
    made.store.transact(|txn| txn.scope(MountId::SYSTEM).put(STORED[0].0, STORED[0].2))?;
    made.store.begin_journal()?;
    entries(made)
}

fn frozen_seal() -> Result<Vec<String>, Error> {
    let entropy = SeededEntropy::new(105);
    let [key, recovery_key, root_key] = std::array::from_fn(|_| Key::random(&entropy));
    let recovery = Recovery::by(&recovery_key, Split::new(5, 3)?, &root_key, &entropy);
    let record = SealRecord::by_seal(&root_key, &*static_seal(&key[..]), recovery, &entropy)?;
    let lines = [
        ("key", &key[..]),
        ("recovery", &recovery_key[..]),
        ("root", &root_key[..]),
        ("record", &record.encode()[..]),
    ];
    let lines = lines.map(|(word, bytes)| format!("{word} {}", hex(bytes)));
    let head = "# the seal's key 2026 (static), the recovery key, the root key, the seal record";
    Ok([head.to_owned()].into_iter().chain(lines).collect())
}

fn write(name: &str, lines: &[String]) -> Result<(), Error> {
    match fs::exists(path(name))? {
        true => Ok(()),
        false => Ok(fs::write(path(name), lines.join("\n") + "\n")?),
    }
}

fn frozen_envelope() -> Vec<String> {
    let entropy = SeededEntropy::new(100);
    let key = Key::random(&entropy);
    let sealed = [(&b"\0place"[..], &b"value"[..]), (b"", b"")].map(|(place, value)| {
        let sealed = envelope::seal(&key, 0x0102_0304, place, value, &entropy);
        format!("sealed {} {} {}", hex(place), hex(value), hex(&sealed))
    });
    ["# key; place, value, sealed value".into(), format!("key {}", hex(&key[..]))]
        .into_iter()
        .chain(sealed)
        .collect()
}

fn frozen_names() -> Vec<String> {
    let key = Key::random(&SeededEntropy::new(101));
    let names = Names::new(&key);
    let root = SealedPath::root(MountId::SYSTEM);
    let entries = STORED.iter().filter(|(_, part, _)| part.is_none());
    let sealed = entries.map(|(path, ..)| {
        let sealed = names.seal(&root, path).unwrap();
        format!("sealed {} {}", hex(path.as_bytes()), hex(sealed.key()))
    });
    ["# key; path, sealed path".into(), format!("key {}", hex(&key[..]))]
        .into_iter()
        .chain(sealed)
        .collect()
}

struct Made {
    storage: Arc<Memory>,
    store: Arc<Unsealed>,
    /// What both files of a store say of it.
    lines: Vec<String>,
}

fn made_store(seed: u64, journal: bool) -> Result<Made, Error> {
    let storage = Arc::new(Memory::new());
    let clock = ManualClock::at(STORED_AT);
    let entropy = SeededEntropy::new(seed);
    let barrier = Barrier::new(storage.clone(), Arc::new(clock), Arc::new(entropy));
    let (shares, ()) = barrier.initialize(Split::new(3, 2)?, |txn| {
        let (path, _, value) = STORED[0];
        Ok::<_, Error>(txn.scope(MountId::SYSTEM).put(path, value)?)
    })?;
    let store = barrier.unseal(&combine(&shares[..2]).ok_or("no key")?)?;
    if journal {
        store.begin_journal()?;
    }
    store.rotate()?;
    store.transact(|txn| {
        let mut scope = txn.scope(MountId::SYSTEM);
        STORED[1..].iter().try_for_each(|(path, part, value)| match part {
            None => scope.put(path, value),
            Some(part) => scope.put_part(path, *part, value),
        })
    })?;
    let status = store.status();
    let mut lines = vec![
        format!("store-id {}", hex(status.store_id.as_bytes())),
        format!("timeline {}", hex(status.timeline.to_string().as_bytes())),
    ];
    lines.extend(shares.iter().map(|share| format!("share {}", hex(share.expose()))));
    Ok(Made { storage, store, lines })
}

fn frozen_store() -> Result<Vec<String>, Error> {
    entries(made_store(102, false)?)
}

fn entries(made: Made) -> Result<Vec<String>, Error> {
    let Made { storage, mut lines, .. } = made;
    let title = "# any two shares; what the root record says; key and value of each entry";
    lines.insert(0, title.into());
    for entry in storage.view()?.scan(&[], None)? {
        let (key, value) = entry?;
        lines.push(format!("entry {} {}", hex(&key), hex(&value)));
    }
    Ok(lines)
}

fn frozen_snapshot() -> Result<Vec<String>, Error> {
    let Made { store, mut lines, .. } = made_store(103, false)?;
    lines.insert(0, "# any two shares; what the root record says; the file".into());
    let spool = Spools::new(std::env::temp_dir(), 0).open()?;
    let taken = take(store.instant()?, spool, STORED_AT, &SeededEntropy::new(104))?;
    let mut file = Vec::new();
    taken.write_to(&mut file)?;
    lines.push(format!("snapshot {}", hex(&file)));
    Ok(lines)
}

/// A store with a journal whose history left another one: it was restored to what it was.
fn made_branch() -> Result<Made, Error> {
    let Made { storage, store, lines } = made_store(106, true)?;
    let spool = Spools::new(std::env::temp_dir(), 0).open()?;
    let taken = take(store.instant()?, spool, STORED_AT, &SeededEntropy::new(107))?;
    let mut file = Vec::new();
    taken.write_to(&mut file)?;
    drop(store);
    let (clock, entropy) = (ManualClock::at(STORED_AT), SeededEntropy::new(108));
    let barrier = Barrier::new(storage.clone(), Arc::new(clock), Arc::new(entropy));
    let shares: Vec<Secret> = lines
        .iter()
        .filter_map(|l| l.strip_prefix("share "))
        .map(|share| Secret::new(unhex(share)))
        .collect();
    let key = combine(&shares[1..]).ok_or("no key")?;
    barrier.unseal(&key)?;
    let spool = Spools::new(std::env::temp_dir(), 0).open()?;
    receive(&file[..], spool)?.restore(&barrier, false)?;
    let store = barrier.unseal(&key)?;
    store.transact(|txn| txn.scope(MountId::SYSTEM).put(STORED[0].0, STORED[0].2))?;
    Ok(Made { storage, store, lines })
}

fn frozen_journal(made: Made) -> Result<Vec<String>, Error> {
    let Made { storage, store, mut lines } = made;
    lines.insert(
        0,
        "# any two shares; key and value of each entry; a segment of the journal".into(),
    );
    let view = storage.view()?;
    for entry in view.scan(&[], None)? {
        let (key, value) = entry?;
        lines.push(format!("entry {} {}", hex(&key), hex(&value)));
    }
    let (head, status) = (store.journal().ok_or("no journal")?, store.status());
    let records: Vec<_> = scan(&*view, head.timeline, 0, u64::MAX)?.collect::<Result<_, _>>()?;
    let (first, record) = records.first().ok_or("no records")?;
    let mut chain = Record::read(record)?.before;
    let header = segment::Header {
        store_id: status.store_id,
        key_id: "0011223344556677".into(),
        timeline: head.timeline,
        origin: head.origin,
        first: *first,
        last: head.revision,
        before: chain,
        from: STORED_AT,
        to: STORED_AT,
    };
    let mut writer = segment::SegmentWriter::new(Vec::new(), &header)?;
    for (revision, record) in records {
        let entry = segment::Entry::single(head.timeline, revision, chain, record);
        writer.entry(&entry)?;
        chain = entry.after;
    }
    lines.push(format!("segment {}", hex(&writer.finish(&store.keyring())?)));
    Ok(lines)
}
