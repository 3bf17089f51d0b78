//! Policies: what is read is compiled, asked and shown; passwords are made by what is read.

use std::convert::Infallible;
use std::sync::Arc;

use edgekeep::base::entropy::SeededEntropy;
use edgekeep::policy::acl::{Acl, Question};
use edgekeep::policy::capability::Capability;
use edgekeep::policy::parse::parse;
use edgekeep::policy::password::PasswordPolicy;
use edgekeep::policy::rank::Rank;
use edgekeep::policy::rules::Rules;
use serde_json::Map;

const CAPABILITIES: [Capability; 7] = [
    Capability::Create,
    Capability::Read,
    Capability::Update,
    Capability::Delete,
    Capability::List,
    Capability::Patch,
    Capability::Deny,
];

/// A path that is asked of in the first line, and below it a policy.
pub fn read(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let (Ok(path), Ok(blocks)) = (std::str::from_utf8(&bytes[..end]), parse(&bytes[end + 1..]))
    else {
        return;
    };
    let mut rules = Rules::default();
    for block in &blocks {
        assert_eq!(block.path.is_plain(), block.path.fill(|_| None).is_some());
        let path = block.path.fill(|_| Some("filled")).expect("there is a value for everything");
        rules.insert(&path, block.grant.clone());
    }
    assert_eq!(rules.len(), blocks.len());
    let mut asked = vec![path.to_owned()];
    for rule in rules.iter() {
        let path = matching(&rule.rank);
        let best = rules.best(&path).expect("at least this one matches");
        assert!(best.rank >= rule.rank, "{path}: {best:?} before {rule:?}");
        assert!(rules.at(&rule.rank).is_some_and(|found| found.rank == rule.rank), "{rule:?}");
        asked.push(path);
    }
    let acl = Acl::of(vec![Arc::new(rules)]);
    asked.iter().for_each(|path| judge(&acl, path));
    let shown = acl.resultant();
    assert!(shown["exact_paths"].is_object() && shown["glob_paths"].is_object());
}

/// A path that a rule is for.
fn matching(rank: &Rank) -> String {
    let segment = |segment| if segment == "+" { "any" } else { segment };
    let text = rank.text().split('/').map(segment).collect::<Vec<_>>().join("/");
    if rank.is_whole() { text } else { text + "more/" }
}

/// What is allowed is shown.
fn judge(acl: &Acl, path: &str) {
    let _ = acl.reaches(path);
    let shown = acl.capabilities(path);
    assert!(!shown.is_empty(), "{path}");
    let nothing = Map::new();
    for capability in CAPABILITIES {
        let question = Question { capability, path, wrap_ttl: None };
        let Ok(decision) = acl.check(&question, || Ok::<_, Infallible>(&nothing));
        // A path that ends in a slash is shown as a listing of it is judged.
        if decision.allowed && (capability == Capability::List || !path.ends_with('/')) {
            let named = |name: &&str| Capability::named(name) == Some(capability);
            assert!(shown.iter().any(named), "{path}: {capability:?} in {shown:?}");
        }
    }
}

/// A password policy: a password by it is as long as it says.
pub fn read_password(bytes: &[u8]) {
    let Ok(policy) = PasswordPolicy::parse(bytes) else { return };
    let password = policy.generate(&SeededEntropy::new(1));
    assert!((4..=100).contains(&password.chars().count()), "{policy:?}");
}
