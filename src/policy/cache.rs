//! Compiled policies, found for a request.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use super::acl::Acl;
use super::builtin;
use super::meters::Meters;
use super::name::Name;
use super::parse::{PathRule, PolicyError, parse};
use super::rules::Rules;
use super::store::{self, Digest};
use super::template::{Directive, Subject};
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Clock;
use crate::base::policies;
use crate::base::record::RecordError;
use crate::base::sync::lock;

/// Each of the two caches keeps at least this many rules, and at most twice as many, if no single
/// policy has more: about 300 bytes each.
const RULES: usize = 8192;

/// Gives requests the rules of their tokens' policies. What is kept is kept by what it was made
/// of, never by name alone: so it needs no invalidation, and each request has the policies that
/// its own transaction sees.
pub struct PolicyCache {
    compiled: Mutex<Kept<Digest, Arc<Policy>>>,
    filled: Mutex<Kept<Filling, Arc<Rules>>>,
    response_wrapping: Arc<Policy>,
    /// What is counted of policies.
    pub meters: Arc<Meters>,
}

/// A policy with what its templates stand for.
type Filling = (Digest, Vec<Option<String>>);

/// A compiled policy.
#[derive(Default)]
struct Policy {
    fixed: Arc<Rules>,
    templated: Vec<PathRule>,
    /// Each directive of its templates once, sorted.
    directives: Vec<Directive>,
}

impl PolicyCache {
    /// Nothing is compiled yet.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        let compiled = Kept::new(|policy: &Arc<Policy>| policy.len());
        let filled = Kept::new(|rules: &Arc<Rules>| rules.len());
        // It is the program's own text, and a test reads it.
        let response_wrapping =
            Policy::compile(builtin::RESPONSE_WRAPPING_TEXT).unwrap_or_default();
        Self {
            compiled: Mutex::new(compiled),
            filled: Mutex::new(filled),
            response_wrapping: Arc::new(response_wrapping),
            meters: Arc::new(Meters::new(clock)),
        }
    }

    /// The rights of whoever has the policies of these names, as the transaction sees them. A
    /// policy that is not there gives nothing, and neither does `root` beside others.
    ///
    /// `subject` is asked only for what the templates of these policies name.
    pub fn acl(
        &self,
        txn: &mut Txn,
        names: &[String],
        subject: &mut dyn Subject,
    ) -> Result<Acl, TxnError> {
        if let [name] = names
            && name == policies::ROOT
        {
            return Ok(Acl::root());
        }
        let mut rules = Vec::with_capacity(names.len() + 1);
        for name in names {
            let _running = self.meters.get.begin();
            let name = Name::of(name);
            if name.as_str() == policies::RESPONSE_WRAPPING {
                rules.push(self.response_wrapping.fixed.clone());
                continue;
            }
            let Some(digest) = store::digest(txn, &name)? else { continue };
            let policy = self.policy(txn, &name, digest)?;
            rules.push(policy.fixed.clone());
            if !policy.directives.is_empty() {
                rules.push(self.filled(txn, digest, &policy, subject)?);
            }
        }
        rules.retain(|rules| !rules.is_empty());
        Ok(Acl::of(rules))
    }

    fn policy(&self, txn: &mut Txn, name: &Name, digest: Digest) -> Result<Arc<Policy>, TxnError> {
        if let Some(policy) = lock(&self.compiled).get(&digest) {
            return Ok(policy);
        }
        let text = store::text(txn, name)?.ok_or(RecordError::Malformed)?;
        // What was stored was parsed before.
        let policy = Policy::compile(&text).map_err(|_| RecordError::Malformed)?;
        let policy = Arc::new(policy);
        lock(&self.compiled).put(digest, policy.clone());
        Ok(policy)
    }

    fn filled(
        &self,
        txn: &mut Txn,
        digest: Digest,
        policy: &Policy,
        subject: &mut dyn Subject,
    ) -> Result<Arc<Rules>, TxnError> {
        let values = policy.directives.iter().map(|directive| subject.value(txn, directive));
        let filling = (digest, values.collect::<Result<_, _>>()?);
        if let Some(rules) = lock(&self.filled).get(&filling) {
            return Ok(rules);
        }
        let rules = Arc::new(policy.fill(&filling.1));
        lock(&self.filled).put(filling, rules.clone());
        Ok(rules)
    }
}

impl Policy {
    fn compile(text: &str) -> Result<Self, PolicyError> {
        let mut fixed = Rules::default();
        let mut policy = Self::default();
        for rule in parse(text.as_bytes())? {
            match rule.path.fill(|_| None) {
                Some(path) => fixed.insert(&path, rule.grant),
                None => policy.templated.push(rule),
            }
        }
        policy.fixed = Arc::new(fixed);
        let directives = policy.templated.iter().flat_map(|rule| rule.path.directives());
        policy.directives = directives.collect::<BTreeSet<_>>().into_iter().cloned().collect();
        Ok(policy)
    }

    fn len(&self) -> usize {
        self.fixed.len() + self.templated.len()
    }

    /// The templated rules, with a value for each directive.
    fn fill(&self, values: &[Option<String>]) -> Rules {
        let value = |directive: &Directive| {
            let place = self.directives.binary_search(directive).ok()?;
            values.get(place)?.as_deref()
        };
        let mut rules = Rules::default();
        for rule in &self.templated {
            if let Some(path) = rule.path.fill(value) {
                rules.insert(&path, rule.grant.clone());
            }
        }
        rules
    }
}

/// What was used lately: when the newer half is full the older half is forgotten.
struct Kept<K, V> {
    newer: HashMap<K, V>,
    older: HashMap<K, V>,
    weight: usize,
    weigh: fn(&V) -> usize,
}

impl<K: Hash + Eq, V: Clone> Kept<K, V> {
    fn new(weigh: fn(&V) -> usize) -> Self {
        Self { newer: HashMap::new(), older: HashMap::new(), weight: 0, weigh }
    }

    fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.newer.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.older.remove_entry(key)?;
        self.put(key, value.clone());
        Some(value)
    }

    fn put(&mut self, key: K, value: V) {
        // One more, so that what weighs nothing does not pile up.
        self.weight += (self.weigh)(&value) + 1;
        self.newer.insert(key, value);
        if self.weight > RULES {
            self.older = std::mem::take(&mut self.newer);
            self.weight = 0;
        }
    }
}
