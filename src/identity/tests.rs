//! What logins do to entities and groups, which no auth method shows by itself: a method that names
//! groups comes later.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alias;
use super::group::Change;
use super::group_alias::{self, Wanted};
use super::known::Known;
use super::login::{Login, login};
use super::merge::merge;
use super::record::{Entity, Group};
use super::subject::Subject;
use super::sweep;
use crate::barrier::names::MountId;
use crate::barrier::seal::shamir::{Split, combine};
use crate::barrier::txn::Scope;
use crate::barrier::{Barrier, Unsealed};
use crate::base::clock::{ManualClock, Timestamp};
use crate::base::entropy::SeededEntropy;
use crate::base::fault::Fault;
use crate::storage::memory::Memory;

/// A store in memory, with the clock that it goes by.
pub struct Store {
    pub unsealed: Arc<Unsealed>,
    pub clock: Arc<ManualClock>,
    pub entropy: Arc<SeededEntropy>,
    pub mount: MountId,
}

impl Store {
    pub fn new() -> Self {
        let entropy = Arc::new(SeededEntropy::new(1));
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let barrier = Barrier::new(Arc::new(Memory::new()), clock.clone(), entropy.clone());
        let split = Split::new(1, 1).unwrap();
        let made = barrier.initialize(split, |_| Ok::<_, Box<dyn std::error::Error>>(()));
        let unsealed = barrier.unseal(&combine(&made.unwrap().0).unwrap()).unwrap();
        let mount = MountId::random(&*entropy);
        Self { unsealed, clock, entropy, mount }
    }

    pub fn run<T>(
        &self,
        mut work: impl FnMut(&mut Scope<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.unsealed.transact(|txn| work(&mut txn.scope(self.mount)))
    }

    pub fn login(&self, accessor: &str, name: &str, groups: &[&str]) -> Result<String, Fault> {
        self.login_knowing(accessor, name, &[], groups)
    }

    fn login_knowing(
        &self,
        accessor: &str,
        name: &str,
        known: &[(&str, &str)],
        groups: &[&str],
    ) -> Result<String, Fault> {
        let metadata: BTreeMap<String, String> =
            known.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        let groups: Vec<String> = groups.iter().map(|group| group.to_string()).collect();
        let told = Login { accessor, local: false, name, metadata: &metadata, groups: &groups };
        self.run(|scope| login(scope, &told, &*self.entropy))
    }

    /// An external group with a policy of its name, known at `accessor` by that name.
    fn external(&self, accessor: &str, name: &str) -> String {
        let group = self.group(name, "external", None, None);
        let wanted = Wanted { name, accessor, group_id: &group };
        let local = |_: &str| Some(false);
        self.run(|scope| group_alias::set(scope, None, &wanted, &local, &*self.entropy)).unwrap();
        group
    }

    fn group(
        &self,
        name: &str,
        kind: &str,
        entities: Option<Vec<String>>,
        groups: Option<Vec<String>>,
    ) -> String {
        let change = || Change {
            name: Some(name.to_owned()),
            kind: Some(kind.to_owned()),
            policies: Some(vec![name.to_owned()]),
            entities: entities.clone(),
            groups: groups.clone(),
            ..Change::default()
        };
        let made = self.run(|scope| Group::set(scope, None, change(), &*self.entropy));
        made.unwrap().unwrap().id
    }

    fn subject(&self, id: &str) -> Option<Subject> {
        self.run(|scope| Ok(Subject::of(scope, id)?)).unwrap()
    }

    fn policies(&self, id: &str) -> Vec<String> {
        self.subject(id).unwrap().policies()
    }

    fn entity(&self, id: &str) -> Option<Entity> {
        self.run(|scope| Ok(Entity::by_id(scope, id)?)).unwrap()
    }

    fn sweep(&self) {
        while self.run(|scope| Ok(sweep::step(scope)?)).unwrap() {}
    }

    fn entries(&self) -> u64 {
        self.unsealed.status().tally.entries
    }
}

#[test]
fn the_same_name_at_the_same_mount_is_the_same_entity() {
    let store = Store::new();
    let ann = store.login("a", "ann", &[]).unwrap();
    assert_eq!(store.login("a", "ANN", &[]).unwrap(), ann);
    assert_ne!(store.login("b", "ann", &[]).unwrap(), ann);
    assert_ne!(store.login("a", "bob", &[]).unwrap(), ann);
    assert!(store.login("a", "", &[]).is_err());
}

#[test]
fn a_login_tells_anew_what_its_method_knows_and_writes_nothing_that_is_known() {
    let store = Store::new();
    let id = store.login_knowing("a", "ann", &[("team", "red")], &[]).unwrap();
    let metadata = || store.entity(&id).unwrap().aliases[0].metadata.clone();
    assert_eq!(metadata(), Some([("team".to_owned(), "red".to_owned())].into()));
    let before = store.unsealed.status().revision;
    store.login_knowing("a", "ann", &[("team", "red")], &[]).unwrap();
    assert_eq!(store.unsealed.status().revision, before);
    store.login("a", "ann", &[]).unwrap();
    assert_eq!(metadata(), None);
}

#[test]
fn who_is_disabled_does_not_log_in_and_stays_in_its_groups() {
    let store = Store::new();
    store.external("a", "ops");
    let id = store.login("a", "ann", &["ops"]).unwrap();
    let disable = |disabled| super::entity::Change {
        disabled: Some(disabled),
        ..super::entity::Change::default()
    };
    store.run(|scope| Entity::set(scope, Some(&id), disable(true), &*store.entropy)).unwrap();
    assert_eq!(store.login("a", "ann", &[]).unwrap_err(), Fault::denied());
    assert!(store.subject(&id).unwrap().entity.disabled);
    assert_eq!(store.policies(&id), ["ops"]);
}

#[test]
fn external_groups_are_those_of_the_last_login_at_their_mount() {
    let store = Store::new();
    let ops = store.external("a", "ops");
    store.external("a", "dev");
    store.external("b", "net");
    let hand = store.group("hand", "internal", None, None);
    let id = store.login("a", "ann", &["ops", "dev", "unknown"]).unwrap();
    let sorted = || {
        let mut policies = store.policies(&id);
        policies.sort();
        policies
    };
    assert_eq!(sorted(), ["dev", "ops"]);
    let local = |_: &str| Some(false);
    let known_at_b = || alias::Change {
        name: "ann".to_owned(),
        accessor: "b".to_owned(),
        entity_id: id.clone(),
        custom_metadata: None,
    };
    store.run(|scope| alias::set(scope, None, known_at_b(), &local, &*store.entropy)).unwrap();
    assert_eq!(store.login("b", "ann", &["net", "ops"]).unwrap(), id);
    let change = || Change { entities: Some(vec![id.clone()]), ..Change::default() };
    store
        .run(|scope| {
            let group = Group::by_id(scope, &hand)?;
            Group::set(scope, group, change(), &*store.entropy)
        })
        .unwrap();
    assert_eq!(sorted(), ["dev", "hand", "net", "ops"]);
    store.login("a", "ann", &["OPS"]).unwrap();
    assert_eq!(sorted(), ["hand", "net", "ops"]);
    store.login("a", "ann", &[]).unwrap();
    assert_eq!(sorted(), ["hand", "net"]);
    let ops = store.run(|scope| Ok(Group::by_id(scope, &ops)?)).unwrap().unwrap();
    assert_eq!(ops.entities, 0);
}

#[test]
fn a_token_of_an_entity_that_was_merged_goes_on_as_the_other() {
    let store = Store::new();
    let ids = ["one", "two", "three"].map(|name| store.login(name, name, &[]).unwrap());
    let group = store.group("team", "internal", Some(vec![ids[0].clone()]), None);
    store.run(|scope| merge(scope, &ids[1], &ids[..1], &[])).unwrap();
    store.run(|scope| merge(scope, &ids[2], &ids[1..2], &[])).unwrap();
    for id in &ids {
        let subject = store.subject(id).unwrap();
        assert_eq!(subject.entity.id, ids[2]);
        assert_eq!(subject.group(&group).unwrap().name, "team");
        assert_eq!(store.login("one", "one", &[]).unwrap(), ids[2]);
    }
    let before = store.entries();
    store
        .run(|scope| {
            let entity = Entity::by_id(scope, &ids[2])?;
            entity.map(|entity| entity.delete(scope)).transpose()?;
            Ok(())
        })
        .unwrap();
    assert!(ids.iter().all(|id| store.subject(id).is_none()));
    assert!(store.entries() < before);
}

#[test]
fn nothing_is_left_of_a_mount_that_is_gone_or_of_a_large_group() {
    const USERS: usize = 250;
    let store = Store::new();
    let team = store.external("b", "team");
    let before = store.entries();
    let users: Vec<String> =
        (0..USERS).map(|n| store.login("a", &n.to_string(), &[]).unwrap()).collect();
    let large = store.group("large", "internal", Some(users.clone()), None);
    store.run(|scope| Ok(sweep::forget_mount(scope, "a")?)).unwrap();
    store.run(|scope| Ok(sweep::forget_mount(scope, "b")?)).unwrap();
    store
        .run(|scope| {
            let group = Group::by_id(scope, &large)?;
            group.map(|group| group.delete(scope)).transpose()?;
            Ok(())
        })
        .unwrap();
    for user in &users {
        assert_eq!(store.policies(user), [""; 0], "not even before it is swept");
    }
    store.sweep();
    for user in &users {
        assert_eq!(store.entity(user).unwrap().aliases, []);
    }
    let team = store.run(|scope| Ok(Group::by_id(scope, &team)?)).unwrap().unwrap();
    assert_eq!(team.alias, None);
    assert_ne!(store.login("a", "0", &[]).unwrap(), users[0]);
    // Each entity with its name; of the new one its alias too, by id and by name. The alias of the
    // group, by id and by name, is gone.
    assert_eq!(store.entries(), before + 2 * USERS as u64 + 4 - 2);
}
