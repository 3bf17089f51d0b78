//! Policies and requests by chance: what is shown of rights is what happens, and both are what
//! Vault's order of precedence, written down once more, says.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde_json::json;

use crate::support::dice::Dice;
use crate::world::{Holder, World, rule};

const ALL: [&str; 6] = ["create", "read", "update", "delete", "list", "sudo"];

/// A path of a rule, and what is given there.
type Given = (String, BTreeSet<&'static str>);

#[test]
fn what_is_shown_is_what_happens() {
    let world = World::new();
    let dice = Dice::new(11);
    for round in 0..25 {
        let policies: Vec<Vec<Given>> = (0..1 + dice.below(3)).map(|_| policy(&dice)).collect();
        let text = |rules: &Vec<Given>| -> String {
            let text =
                |(path, given): &Given| rule(path, &given.iter().copied().collect::<Vec<_>>());
            rules.iter().map(text).collect()
        };
        let holder = world.holder(&policies.iter().map(text).collect::<Vec<_>>());
        let rules: Vec<Given> = policies.concat();
        for _ in 0..8 {
            let path = format!("kv/{}", segments(&dice, &["a", "ab", "b", "c"]));
            let expected = rights(&rules, &path, false);
            let shown: BTreeSet<String> = holder.capabilities(&path).into_iter().collect();
            let wanted: BTreeSet<String> = match expected.is_empty() {
                true => BTreeSet::from(["deny".to_owned()]),
                false => expected.iter().map(|name| (*name).to_owned()).collect(),
            };
            assert_eq!(shown, wanted, "round {round}, {path} by {rules:?}");
            try_all(&world, &holder, &path, &expected, &rules);
        }
    }
}

/// Sends each verb to a path, of which one has these rights.
fn try_all(world: &World, holder: &Holder, path: &str, expected: &BTreeSet<&str>, rules: &[Given]) {
    let body = json!({ "x": 1 });
    assert_eq!(world.root.delete(path).status, 204);
    let lists = rights(rules, &format!("{path}/"), true).contains("list");
    for (verb, done, may) in [
        ("create", holder.may_write(path, body.clone()), expected.contains("create")),
        ("read", holder.may("GET", path), expected.contains("read")),
        ("list", holder.may("LIST", path), lists),
        ("delete", holder.may("DELETE", path), expected.contains("delete")),
    ] {
        assert_eq!(done, may, "{verb} of {path} by {rules:?}");
    }
    world.ok(path, body.clone());
    let updates = expected.contains("update");
    assert_eq!(holder.may_write(path, body), updates, "update of {path} by {rules:?}");
}

fn policy(dice: &Dice) -> Vec<Given> {
    let one = |_| {
        let path = segments(dice, &["a", "ab", "b", "+", "+", "c"]);
        let star = if path.ends_with('+') || !dice.one_in(3) { "" } else { "*" };
        let mut given: BTreeSet<&str> = ALL.into_iter().filter(|_| dice.one_in(2)).collect();
        if dice.one_in(8) {
            given.insert("deny");
        }
        let first = if dice.one_in(6) { "+" } else { "kv" };
        (format!("{first}/{path}{star}"), given)
    };
    (0..1 + dice.below(6)).map(one).collect()
}

fn segments(dice: &Dice, from: &[&str]) -> String {
    let count = 1 + dice.below(3);
    let pick = |_| from[dice.below(from.len() as u64) as usize];
    (0..count).map(pick).collect::<Vec<_>>().join("/")
}

/// What is given on a path, by the documentation: the most specific rule that matches holds, with
/// all others of the same path, and nothing is given where one of them denies.
fn rights(rules: &[Given], path: &str, listing: bool) -> BTreeSet<&'static str> {
    let bare = path.strip_suffix('/').filter(|_| listing);
    let best = |path: &str| {
        let matching = rules.iter().filter(|(rule, _)| matches(rule, path));
        matching.map(|(rule, _)| rule.as_str()).max_by_key(|rule| rank(rule))
    };
    let found = [Some(path), bare].map(|path| path.and_then(best));
    let exact = found.iter().flatten().find(|rule| is_exact(rule));
    let Some(holds) = exact.or_else(|| found.iter().flatten().next()) else {
        return BTreeSet::new();
    };
    let same = rules.iter().filter(|(rule, _)| rule == holds);
    let given: BTreeSet<&str> = same.flat_map(|(_, given)| given).copied().collect();
    if given.contains("deny") { BTreeSet::new() } else { given }
}

fn is_exact(rule: &str) -> bool {
    !rule.ends_with('*') && rule.split('/').all(|segment| segment != "+")
}

fn matches(rule: &str, path: &str) -> bool {
    let (text, open) = rule.strip_suffix('*').map_or((rule, false), |text| (text, true));
    let (wanted, given): (Vec<&str>, Vec<&str>) =
        (text.split('/').collect(), path.split('/').collect());
    let last = wanted.len() - 1;
    let fits = |i: usize| match wanted[i] {
        start if open && i == last => given[i].starts_with(start),
        "+" => true,
        segment => segment == given[i],
    };
    let lengths = if open { given.len() >= wanted.len() } else { given.len() == wanted.len() };
    lengths && (0..=last).all(fits)
}

fn rank(rule: &str) -> (usize, bool, Reverse<usize>, usize, &str) {
    let text = rule.strip_suffix('*').unwrap_or(rule);
    let wildcards = text.split('/').filter(|segment| *segment == "+").count();
    let first = match (text.find('+'), is_exact(rule)) {
        (_, true) => usize::MAX,
        (Some(plus), _) => plus,
        (None, _) => text.len(),
    };
    (first, !rule.ends_with('*'), Reverse(wildcards), text.len(), text)
}
