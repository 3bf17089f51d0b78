use super::*;
use crate::barrier::SEAL;
use crate::barrier::seal::shamir::Split;
use crate::barrier::seal::shamir::combine;
use crate::barrier::seal::static_key::{NamedKey, Settings as StaticSettings};
use crate::barrier::seal::{SHAMIR, Settings, auto};
use crate::barrier::tests::{House, get, good, open, put};
use crate::base::credential::Credential;
use crate::base::entropy::SeededEntropy;
use crate::base::record::Record;

fn seal(id: &str) -> Arc<dyn AutoSeal> {
    let key = Credential::parse(&"5a".repeat(32)).unwrap();
    let current = NamedKey { id: id.to_owned(), key };
    let settings = auto::Settings::Static(StaticSettings { current, previous: None });
    settings.seal(Arc::new(SeededEntropy::new(78)), &[])
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
    assert!(house.barrier.unseal_automatically(|| Ok(())).is_err());
    assert!(house.barrier.migrate(&Key::new([1; 32]), |_| Ok(())).is_err());
    let store = house.barrier.migrate(&key, |_| Ok(())).unwrap();
    assert!(good(&store));
    drop(store);

    let house = restarted(house, Some(seal("a")));
    assert_eq!(house.barrier.standing(&settings(&house).kind), Standing::InUse);
    let store = house.barrier.unseal_automatically(|| Ok(())).unwrap();
    assert_eq!(get(&store, "kept").unwrap(), b"1");
    assert!(house.barrier.vouch(&store, &key).is_ok());
    assert!(house.barrier.vouch(&store, &Key::new([1; 32])).is_err());
    for proof in [Proof::Given, Proof::Wanted] {
        assert!(house.barrier.renewal(&store, proof).unwrap().is_none(), "nothing to do");
    }
    drop(store);

    // The seal is lost.
    let house = restarted(house, Some(seal("b")));
    assert!(house.barrier.unseal_automatically(|| Ok(())).is_err());
    let store = house.barrier.unseal(&key).unwrap();
    drop(store);
    let house = restarted(house, None);
    let store = house.barrier.migrate(&key, |_| Ok(())).unwrap();
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

#[test]
fn a_store_that_changes_its_seal_is_nobodys_before_it_has() {
    let (house, store) = open();
    drop(store);
    let key = combine(&house.shares).unwrap();
    let house = restarted(house, Some(seal("a")));
    let still = |house: &House| {
        assert!(house.barrier.unsealed().is_none());
        assert_eq!(settings(house).kind.name(), SHAMIR);
    };
    assert!(house.barrier.migrate(&key, |_| Err(UnsealError::Unwanted)).is_err());
    still(&house);
    let before = |_: &Arc<Unsealed>| {
        still(&house);
        Ok(())
    };
    let store = house.barrier.migrate(&key, before).unwrap();
    assert_eq!(settings(&house).kind.name(), "static");
    assert!(good(&store));
}

#[test]
fn who_opens_it_may_think_better_of_it() {
    let (house, store) = open();
    drop(store);
    let key = combine(&house.shares).unwrap();
    let house = restarted(house, None);
    assert!(house.barrier.unseal_if(&key, || Err(UnsealError::Unwanted)).is_err());
    assert!(house.barrier.unsealed().is_none());
    assert!(house.barrier.unseal_if(&key, || Ok(())).is_ok());
}

#[test]
fn of_two_who_change_the_seal_at_once_the_second_begins_again() {
    let (house, store) = open();
    let split = Split::new(1, 1).unwrap();
    let [first, second] = [(), ()].map(|()| house.barrier.prepare_rekey(&store, split).unwrap());
    store.rekey(&second.0).unwrap();
    assert!(matches!(store.rekey(&first.0), Err(UnsealError::Overtaken)));
    assert!(house.barrier.vouch(&store, &combine(&second.1).unwrap()).is_ok());
    assert!(house.barrier.vouch(&store, &combine(&first.1).unwrap()).is_err());
    let again = house.barrier.prepare_rekey(&store, split).unwrap();
    store.rekey(&again.0).unwrap();
}
