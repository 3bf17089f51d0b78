use super::*;
use crate::barrier::SEAL;
use crate::barrier::seal::auto;
use crate::barrier::seal::shamir::combine;
use crate::barrier::seal::static_key::{NamedKey, Settings as StaticSettings};
use crate::barrier::tests::{House, get, good, open, put};
use crate::base::credential::Credential;
use crate::base::entropy::SeededEntropy;
use crate::base::record::Record;

fn seal(id: &str) -> Arc<dyn AutoSeal> {
    let key = Credential::parse(&"5a".repeat(32)).unwrap();
    let current = NamedKey { id: id.to_owned(), key };
    auto::Settings::Static(StaticSettings { current, previous: None }).seal()
}

/// The same store, by a server that has just started.
fn restarted(house: House, by: Option<Arc<dyn AutoSeal>>) -> House {
    house.barrier.seal();
    let entropy = Arc::new(SeededEntropy::new(77));
    let barrier = Barrier::new(house.storage.clone(), house.clock.clone(), entropy);
    House { barrier: barrier.with_seal(by), ..house }
}

#[test]
fn a_store_goes_from_seal_to_seal_and_stays_whole() {
    let (house, store) = open();
    put(&store, "kept", b"1");
    drop(store);
    let key = combine(&house.shares).unwrap();
    let house = restarted(house, Some(seal("a")));
    assert_eq!(house.barrier.standing(&settings(&house).kind), Standing::Migrating);
    assert!(house.barrier.unseal_automatically().is_err());
    assert!(house.barrier.migrate(&Key::new([1; 32])).is_err());
    let store = house.barrier.migrate(&key).unwrap();
    assert!(good(&store));
    drop(store);

    let house = restarted(house, Some(seal("a")));
    assert_eq!(house.barrier.standing(&settings(&house).kind), Standing::InUse);
    let store = house.barrier.unseal_automatically().unwrap();
    assert_eq!(get(&store, "kept").unwrap(), b"1");
    assert!(house.barrier.vouch(&store, &key).is_ok());
    assert!(house.barrier.vouch(&store, &Key::new([1; 32])).is_err());
    assert!(!house.barrier.renew_seal(&store).unwrap(), "nothing to do");
    drop(store);

    // The seal is lost.
    let house = restarted(house, Some(seal("b")));
    assert!(house.barrier.unseal_automatically().is_err());
    let store = house.barrier.unseal(&key).unwrap();
    drop(store);
    let house = restarted(house, None);
    let store = house.barrier.migrate(&key).unwrap();
    assert!(good(&store));
    drop(store);
    let house = restarted(house, None);
    assert!(good(&house.unseal()));
}

fn settings(house: &House) -> Settings {
    house.barrier.settings().unwrap().unwrap()
}

#[test]
fn a_seal_record_that_somebody_put_there_vouches_for_nobody() {
    let (house, store) = open();
    let key = combine(&house.shares).unwrap();
    let theirs = House::new(9, 1, 1);
    let their_key = combine(&theirs.shares).unwrap();
    let record = theirs.barrier.seal_record().unwrap().unwrap();
    store
        .transact(|txn| {
            txn.put_system(SEAL, record.encode().to_vec());
            Ok::<_, crate::barrier::txn::TxnError>(())
        })
        .unwrap();
    assert!(house.barrier.check(&their_key).is_ok(), "the record itself is a right one");
    assert!(house.barrier.vouch(&store, &their_key).is_err());
    assert!(house.barrier.vouch(&store, &key).is_err());
}
