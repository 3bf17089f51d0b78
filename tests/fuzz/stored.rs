//! What stands in a store, as it is and once it is opened.

use std::sync::Arc;

use edgekeep::api::ask::{Ask, Verb, WrapFormat};
use edgekeep::api::call::{Call, MountView};
use edgekeep::api::engine::Engine;
use edgekeep::api::request::Peer;
use edgekeep::audit::headers::AuditedHeaders;
use edgekeep::audit::store::StoredDevice;
use edgekeep::barrier::KEYRING;
use edgekeep::barrier::envelope::{self, NO_TERM, OVERHEAD};
use edgekeep::barrier::keyring::Keyring;
use edgekeep::barrier::names::{MountId, Names, SealedPath};
use edgekeep::barrier::root::RootRecord;
use edgekeep::barrier::seal::SealRecord;
use edgekeep::base::entropy::SeededEntropy;
use edgekeep::base::pages::Key;
use edgekeep::base::record::Record;
use edgekeep::engines::document::Document;
use edgekeep::engines::kv2;
use edgekeep::mount::store::MountStore;
use edgekeep::mount::table::Mount;
use edgekeep::token::record::Token;
use serde_json::Map;

use super::frozen;

/// An entry's value, an entry's key and each record: the bytes as they are, and as what was
/// sealed.
pub fn open(bytes: &[u8]) {
    let entropy = SeededEntropy::new(0);
    let (key, names) = (Key::random(&entropy), Names::new(&Key::random(&entropy)));
    open_value(&key, bytes, &entropy);
    open_path(&names, bytes);
    open_keys(&key, bytes, &entropy);
    read_records(bytes);
    read_mounts(bytes);
    read_secret(bytes);
}

fn open_value(key: &Key<32>, bytes: &[u8], entropy: &SeededEntropy) {
    if let Ok(value) = envelope::open(key, b"place", bytes) {
        assert_eq!(value.len() + OVERHEAD, bytes.len());
    }
    let sealed = envelope::seal(key, 1, b"place", bytes, entropy);
    assert_eq!(envelope::open(key, b"place", &sealed).as_deref().map(Vec::as_slice), Ok(bytes));
}

fn open_path(names: &Names, bytes: &[u8]) {
    if let Ok(plain) = names.open(bytes) {
        let sealed = names.seal(&SealedPath::root(plain.mount), &plain.path).expect("it was");
        let again = plain.part.map_or_else(|| sealed.key().to_vec(), |part| sealed.part(part));
        assert_eq!(again, bytes, "one path has one key");
    }
    let Ok(path) = std::str::from_utf8(bytes) else { return };
    if let Ok(sealed) = names.seal(&SealedPath::root(MountId::SYSTEM), path) {
        assert_eq!(names.open(sealed.key()).expect("it was sealed").path, path);
    }
}

fn open_keys(key: &Key<32>, bytes: &[u8], entropy: &SeededEntropy) {
    if let Ok(record) = SealRecord::decode(bytes) {
        assert!(record.open(key).is_err());
        let again = SealRecord::decode(&record.encode()).expect("it was encoded");
        assert_eq!(again.settings(), record.settings());
    }
    let sealed = envelope::seal(key, NO_TERM, KEYRING, bytes, entropy);
    if let Ok(keyring) = Keyring::open(key, &sealed) {
        let again = Keyring::open(key, &keyring.seal(key, entropy)).expect("it was sealed");
        assert_eq!((again.term(), again.rotation()), (keyring.term(), keyring.rotation()));
        let value = keyring.seal_value(b"place", b"value", entropy);
        assert_eq!(
            again.open_value(b"place", &value).as_deref().map(Vec::as_slice),
            Ok(&b"value"[..])
        );
    }
}

fn read_records(bytes: &[u8]) {
    if let Ok(record) = RootRecord::decode(bytes) {
        assert_eq!(RootRecord::decode(&record.encode()), Ok(record));
    }
    if let Ok(token) = Token::decode(bytes) {
        assert_eq!(Token::decode(&token.encode()), Ok(token));
    }
    if let Ok(device) = StoredDevice::decode(bytes) {
        assert!(StoredDevice::decode(&device.encode()) == Ok(device));
    }
    if let Ok(headers) = AuditedHeaders::decode(bytes) {
        assert_eq!(AuditedHeaders::decode(&headers.encode()), Ok(headers));
    }
    if let Ok(Ok(object)) = Document::decode(bytes).map(|document| document.read()) {
        let again = Document::of(object.as_ref()).read().expect("what was kept can be read");
        assert_eq!(again, object);
    }
}

/// A mount, and the table where every request reads it.
fn read_mounts(bytes: &[u8]) {
    if let Ok(mount) = Mount::decode(bytes) {
        assert_eq!(Mount::decode(&mount.encode()).expect("it was encoded"), mount);
    }
    let mut txn = frozen::store().unsealed.begin().expect("it is unsealed");
    let mut system = txn.scope(MountId::SYSTEM);
    system.put("core/mounts", &[&[1], &[0; 16][..]].concat()).expect("a path");
    system.put("core/mount/0", bytes).expect("a path");
    let store = MountStore::new(Arc::new(SeededEntropy::new(0)));
    let Ok(table) = store.read(&mut txn) else { return };
    for mount in table.iter() {
        assert_eq!(table.at(&mount.path), Some(mount));
        assert_eq!(table.by_accessor(&mount.accessor), Some(mount));
    }
}

/// The records of kv version 2: the mount's configuration, a secret's metadata, a version.
fn read_secret(bytes: &[u8]) {
    let mut txn = frozen::store().unsealed.begin().expect("it is unsealed");
    let mut scope = txn.scope(MountId::SYSTEM);
    scope.put("", bytes).expect("a path");
    scope.put("secret", bytes).expect("a path");
    scope.put_part("secret", 1, bytes).expect("a path");
    let mount = MountView::default();
    for path in ["config", "data/secret", "metadata/secret", "subkeys/secret"] {
        let (verb, peer) = (Verb::Read, Peer::default());
        let (id, below) = (String::new(), format!("kv/{path}"));
        let (token, wrap_ttl, wrap_format) = (None, None, WrapFormat::Id);
        let ask = Ask { id, verb, path: below, token, peer, wrap_ttl, wrap_format, snapshot: None };
        let (data, mount) = (&Map::new(), &mount);
        let found = kv2::ENGINE.find(path).expect("a route");
        let fields = kv2::ENGINE.fields(&found, ask.verb, data).expect("none are sent");
        let scope = txn.scope(MountId::SYSTEM);
        let (caller, done, fields) = (None, None, &fields);
        let mut call = Call { ask: &ask, data, path, fields, mount, caller, done, scope };
        // Read or refused: a fault is an answer too.
        let _ = kv2::ENGINE.call(found.id, &mut call);
    }
}
