//! Password policies: of which characters a password is made.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::decode;
use super::names;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::entropy::Entropy;
use crate::base::golang::{is_printable, multierror};
use crate::base::hcl::{self, Body, Kind, Value};
use crate::base::record::Record;

/// Where they lie in the system's part of the store.
/// Where they lie.
const FOLDER: &str = "policy/password";

/// How short a password may be, and how long.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=100;

/// A password policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    length: usize,
    rules: Vec<Charset>,
    /// Every character of the rules, once.
    charset: Vec<char>,
}

/// That some of the characters are of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Charset {
    chars: Vec<char>,
    at_least: usize,
}

impl PasswordPolicy {
    /// Reads a policy; the refusals are Vault's.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let invalid = |why: String| format!("invalid password policy: {why}");
        let policy = Self::read(text).map_err(invalid)?;
        if !LENGTHS.contains(&policy.length) {
            let (least, most) = (LENGTHS.start(), LENGTHS.end());
            return Err(format!("passwords must be between {least} and {most} characters"));
        }
        if policy.rules.iter().any(|rule| rule.at_least > 0 && rule.chars.is_empty()) {
            return Err("unable to construct test password from provided policy: are the rules \
                        impossible?"
                .to_owned());
        }
        Ok(policy)
    }

    fn read(text: &[u8]) -> Result<Self, String> {
        let document =
            hcl::parse_bytes(text).map_err(|error| format!("unable to decode: {error}"))?;
        let body = &document.body;
        let length = int(body, "length")
            .map_err(|why| format!("failed to decode configuration: {why}"))?
            .unwrap_or_default();
        let rules = rules(body).map_err(|why| format!("unable to parse rules: {why}"))?;
        let charset = once(rules.iter().flat_map(|rule| &rule.chars).copied().collect());
        let least = rules.iter().fold(0_usize, |sum, rule| sum.saturating_add(rule.at_least));
        let length = whole(length);
        let mut faults = Vec::new();
        if length == 0 {
            faults.push("length must be > 0".to_owned());
        } else if length < least {
            faults.push(format!(
                "specified rules require at least {least} characters but {length} is specified"
            ));
        }
        if charset.is_empty() {
            faults.push("no charset specified".to_owned());
        } else if !charset.iter().copied().all(is_printable) {
            faults.push("non-printable character in charset".to_owned());
        }
        match faults.is_empty() {
            true => Ok(Self { length, rules, charset }),
            false => Err(multierror(&faults)),
        }
    }

    /// A password: of each rule's set as many characters as it wants, the rest of all sets, in an
    /// order by chance.
    pub fn generate(&self, entropy: &dyn Entropy) -> Zeroizing<String> {
        let mut password = Zeroizing::new(Vec::with_capacity(self.length));
        for rule in &self.rules {
            password
                .extend((0..rule.at_least).map(|_| rule.chars[below(entropy, rule.chars.len())]));
        }
        while password.len() < self.length {
            password.push(self.charset[below(entropy, self.charset.len())]);
        }
        for place in (1..password.len()).rev() {
            password.swap(place, below(entropy, place + 1));
        }
        let mut text = Zeroizing::new(String::with_capacity(4 * self.length));
        text.extend(password.iter());
        text
    }
}

/// Each character once.
fn once(mut chars: Vec<char>) -> Vec<char> {
    chars.sort_unstable();
    chars.dedup();
    chars
}

/// A number below `bound`, each as likely as the others.
fn below(entropy: &dyn Entropy, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    loop {
        let number = u64::from_le_bytes(entropy.bytes());
        // What is above the last whole multiple would make the lower numbers likelier.
        if number < u64::MAX - u64::MAX % bound {
            return usize::try_from(number % bound).unwrap_or_default();
        }
    }
}

/// A number as a count; a negative one is none.
fn whole(number: i64) -> usize {
    usize::try_from(number.max(0)).unwrap_or(usize::MAX)
}

fn rules(body: &Body) -> Result<Vec<Charset>, String> {
    let mut rules = Vec::new();
    for (kind, value) in decode::blocks(body, "rule") {
        let data = decode::object(value).ok_or("unable to get rule info: rule is empty")?;
        if kind != "charset" {
            return Err(format!("unable to parse rule {kind}: unrecognized rule type {kind}"));
        }
        let failed = |why: String| {
            format!("unable to parse rule charset: failed to parse charset restriction: {why}")
        };
        let chars = decode::text(data, "charset").map_err(|error| failed(error.to_string()))?;
        let at_least = int(data, "min-chars").map_err(failed)?.unwrap_or_default();
        let chars = once(chars.unwrap_or_default().chars().collect());
        rules.push(Charset { chars, at_least: whole(at_least) });
    }
    Ok(rules)
}

/// A whole number, with the refusal of Go's `mapstructure`.
fn int(body: &Body, name: &str) -> Result<Option<i64>, String> {
    let Some(value) = decode::value(body, name) else { return Ok(None) };
    if let (Kind::Number(_), Some(number)) = (&value.kind, value.integer()) {
        return Ok(Some(number));
    }
    let (kind, shown) = shown(value);
    Err(format!(
        "1 error(s) decoding:\n\n* '{name}' expected type 'int', got unconvertible type '{kind}', \
         value: '{shown}'"
    ))
}

fn shown(value: &Value) -> (&'static str, String) {
    match &value.kind {
        Kind::Bool(flag) => ("bool", flag.to_string()),
        Kind::Number(text) => ("float64", text.clone()),
        Kind::Text(text) => ("string", text.clone()),
        Kind::List(_) => ("[]interface {}", String::new()),
        Kind::Object(_) => ("[]map[string]interface {}", String::new()),
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    text: String,
}

impl Record for Stored {
    const VERSION: u8 = 1;
}

/// Sets the text of the policy `name`, which the caller has parsed.
pub fn write(txn: &mut Txn, name: &str, text: &str) -> Result<(), TxnError> {
    let stored = Stored { text: text.to_owned() };
    txn.scope(MountId::SYSTEM).write(&format!("{FOLDER}/{name}"), &stored)
}

/// The text of the policy `name`, if it is there.
pub fn text(txn: &mut Txn, name: &str) -> Result<Option<String>, TxnError> {
    let stored: Option<Stored> = txn.scope(MountId::SYSTEM).read(&format!("{FOLDER}/{name}"))?;
    Ok(stored.map(|stored| stored.text))
}

/// Removes the policy `name`, if it is there.
pub fn delete(txn: &mut Txn, name: &str) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).delete(&format!("{FOLDER}/{name}"))
}

/// The name of what lies at an entry of the system's part of the store, if that is one of these.
pub fn name_at(entry: &str) -> Option<&str> {
    entry.strip_prefix(FOLDER)?.strip_prefix('/')
}

/// The names of all password policies.
pub fn list(txn: &mut Txn) -> Result<Vec<String>, TxnError> {
    names::below(&mut txn.scope(MountId::SYSTEM), FOLDER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    #[test]
    fn a_password_keeps_its_rules() {
        let text = r#"length = 12
            rule "charset" { charset = "abc" min-chars = 4 }
            rule "charset" { charset = "0123456789" min-chars = 3 }
            rule "charset" { charset = "é" min-chars = 1 }
            rule "charset" { charset = "xyz" }"#;
        let policy = PasswordPolicy::parse(text.as_bytes()).unwrap();
        let entropy = SeededEntropy::new(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let password = policy.generate(&entropy);
            let count = |set: &str| password.chars().filter(|c| set.contains(*c)).count();
            assert_eq!(count("abc0123456789éxyz"), 12);
            assert!(count("abc") >= 4 && count("0123456789") >= 3 && count("é") >= 1);
            seen.insert(password.to_string());
        }
        assert_eq!(seen.len(), 200);
    }

    #[test]
    fn each_number_is_as_likely() {
        let entropy = SeededEntropy::new(1);
        let mut counts = [0; 7];
        (0..7000).for_each(|_| counts[below(&entropy, 7)] += 1);
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for (text, expected) in [
            ("", "2 errors occurred:\n\t* length must be > 0\n\t* no charset specified\n\n"),
            (
                "length = 8 rule \"charset\" { charset = \"a\" min-chars = \"x\" }",
                "unable to parse rules: unable to parse rule charset: failed to parse charset \
                 restriction: 1 error(s) decoding:\n\n* 'min-chars' expected type 'int', got \
                 unconvertible type 'string', value: 'x'",
            ),
        ] {
            let expected = format!("invalid password policy: {expected}");
            assert_eq!(PasswordPolicy::parse(text.as_bytes()), Err(expected), "{text}");
        }
        let least = format!("rule \"charset\" {{ charset = \"a\" min-chars = {} }}\n", i64::MAX);
        let endless = format!("length = 8 {}", least.repeat(3));
        assert!(PasswordPolicy::parse(endless.as_bytes()).is_err());
        let impossible = "length = 8 rule \"charset\" { min-chars = 2 }
            rule \"charset\" { charset = \"a\" }";
        assert!(PasswordPolicy::parse(impossible.as_bytes()).is_err());
    }
}
