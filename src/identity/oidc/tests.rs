//! Identity tokens through time: what a turned clock does to keys and to what they signed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::entity::Change as EntityChange;
use super::super::record::Entity;
use super::super::tests::Store;
use super::key::{self, Key};
use super::role::{self, Role};
use super::stock::{Stock, Supply, Wanted};
use super::template::Template;
use super::token::{inspect, issue};
use super::{ring, rotation};
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::jose;
use crate::base::signature::Algorithm;

const ISSUER: &str = "https://here/v1/identity/oidc";
const HOUR: Duration = Duration::from_secs(3600);

/// A store with an entity, and a role `r` whose key `k` is rotated each hour and verified for two.
fn made(algorithm: Algorithm, template: &str) -> (Store, String) {
    let store = Store::new();
    let id = store.login("a", "ann", &[]).unwrap();
    let key = || key::Change {
        algorithm: Some(algorithm.name().to_owned()),
        rotation_period: Some(HOUR),
        verification_ttl: Some(2 * HOUR),
        allowed_client_ids: Some(vec!["client".to_owned()]),
    };
    let role = || role::Change {
        key: Some("k".to_owned()),
        template: Some(template.to_owned()),
        ttl: Some(HOUR),
        client_id: Some("client".to_owned()),
    };
    let stock = Stock::make(Wanted { algorithm, number: 2 }).unwrap();
    let supply = Supply { stock: Some(&stock), entropy: &*store.entropy };
    let made = store.unsealed.transact(|txn| {
        let scope = &mut txn.scope(store.mount);
        Key::set(scope, "k", key(), supply)?;
        Role::set(scope, "r", role(), supply)
    });
    made.unwrap();
    (store, id)
}

fn token(store: &Store, id: &str) -> String {
    store.run(|scope| issue(scope, "r", id, ISSUER)).unwrap().token
}

fn inactive(store: &Store, token: &str) -> Option<String> {
    store.run(|scope| Ok(inspect(scope, token, "client", ISSUER)?)).unwrap()
}

fn published(store: &Store) -> Vec<String> {
    let keys = store.run(|scope| Ok(ring::list(scope)?)).unwrap();
    keys.into_iter().map(|(id, _)| id).collect()
}

fn part(token: &str, number: usize) -> Value {
    let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap();
    serde_json::from_slice(&part).unwrap()
}

fn rotate_due(store: &Store) -> bool {
    rotation::step(&store.unsealed, store.mount, &*store.entropy).unwrap()
}

#[test]
fn every_algorithm_signs_what_is_said_and_what_is_changed_does_not_hold() {
    for algorithm in Algorithm::ALL {
        let (store, id) = made(algorithm, r#"{"n":{{identity.entity.name}},"k":[1]}"#);
        let token = token(&store, &id);
        assert_eq!(part(&token, 0)["alg"], algorithm.name());
        let claims = part(&token, 1);
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!(id), &json!("client")));
        assert_eq!(inactive(&store, &token), None);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let other = if signature.starts_with('A') { 'B' } else { 'A' };
        let changed = format!("{signed}.{other}{}", &signature[1..]);
        let why = Some("unable to validate the token signature".to_owned());
        assert_eq!(inactive(&store, &changed), why);
        let parts: Vec<&str> = token.split('.').collect();
        let header = json!({ "alg": "none", "kid": part(&token, 0)["kid"] }).to_string();
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), parts[1]);
        assert_eq!(inactive(&store, &unsigned), why);
        let keys = store.run(|scope| Ok(ring::list(scope)?)).unwrap();
        assert!(keys.iter().all(|(id, key)| jose::jwk(id, key).unwrap()["kid"] == *id));
    }
}

#[test]
fn a_key_is_rotated_when_it_is_due_and_verifies_what_it_signed_for_its_time() {
    let (store, id) = made(Algorithm::Es256, "");
    let signed_by = || part(&token(&store, &id), 0)["kid"].as_str().unwrap().to_owned();
    let first = signed_by();
    let old = token(&store, &id);
    let before = published(&store);
    assert_eq!(before.len(), 2, "the next one is published before it signs");
    assert!(!rotate_due(&store));

    store.clock.advance(HOUR);
    assert!(rotate_due(&store) && !rotate_due(&store));
    let second = signed_by();
    assert!(second != first && before.contains(&second));
    assert_eq!(published(&store).len(), 3);
    assert_eq!(inactive(&store, &old), None);

    store.clock.advance(2 * HOUR - Duration::from_secs(1));
    assert!(published(&store).contains(&first));
    store.clock.advance(Duration::from_secs(1));
    assert!(!published(&store).contains(&first));
    let why = inactive(&store, &old).unwrap();
    assert!(why.contains("signature"), "{why}");
    assert!(rotate_due(&store), "late is once");
    assert!(!rotate_due(&store));
    assert_eq!(published(&store).len(), 3);
}

#[test]
fn a_token_ends_with_its_time_its_role_or_its_entity() {
    let (store, id) = made(Algorithm::EdDsa, "");
    let token = token(&store, &id);
    let disable = |disabled| EntityChange { disabled: Some(disabled), ..EntityChange::default() };
    let set = |disabled| {
        store
            .run(|scope| Entity::set(scope, Some(&id), disable(disabled), &*store.entropy))
            .unwrap();
    };
    set(true);
    assert_eq!(inactive(&store, &token).as_deref(), Some("entity is disabled"));
    set(false);
    store.clock.advance(HOUR + Duration::from_secs(60));
    assert_eq!(inactive(&store, &token), None, "clocks may be a minute apart");
    store.clock.advance(Duration::from_secs(1));
    assert!(inactive(&store, &token).unwrap().contains("(exp)"));

    let token = self::token(&store, &id);
    store.run(|scope| Ok(Role::delete(scope, "r")?)).unwrap();
    assert!(inactive(&store, &token).unwrap().contains("signature"));
    assert_eq!(published(&store), [""; 0]);
}

#[test]
fn a_template_fills_in_json_whatever_the_texts_are() {
    let store = Store::new();
    let name = "an \"odd\"\n}} {{na\\me}}";
    let change = || EntityChange {
        name: Some(name.to_owned()),
        metadata: Some(Some([("k".to_owned(), "v\u{1}'".to_owned())].into())),
        ..EntityChange::default()
    };
    let made = store.run(|scope| Entity::set(scope, None, change(), &*store.entropy));
    let id = made.unwrap().unwrap().id;
    let template = r#"{"id":{{identity.entity.id}}, "name": {{ identity.entity.name }},
        "k":{{identity.entity.metadata.k}},"none":{{identity.entity.metadata.none}},
        "all":{{identity.entity.metadata}},"groups":{{identity.entity.groups.ids}},
        "alias":{{identity.entity.aliases.acc.name}},
        "custom":{{identity.entity.aliases.acc.custom_metadata}},
        "now":{{time.now}},"soon":{{time.now.plus.1h}},"late":{{time.now.minus.90}}}"#;
    let now = Timestamp::from_secs(1_800_000_000);
    assert_eq!(Template::check(template, now).unwrap(), template);
    let filled = store.run(|scope| {
        let subject = super::super::subject::Subject::of(scope, &id)?;
        Ok(Template::parse(template).map_err(Fault::bad_request)?.fill(subject.as_ref(), now))
    });
    let said: Value = serde_json::from_str(&filled.unwrap()).unwrap();
    assert_eq!(
        said,
        json!({
            "id": id, "name": name, "k": "v\u{1}'", "none": "", "all": { "k": "v\u{1}'" },
            "groups": [], "alias": "", "custom": {},
            "now": 1_800_000_000, "soon": 1_800_003_600, "late": 1_799_999_910,
        })
    );
}

#[test]
fn templates_that_make_no_object_are_refused() {
    let now = Timestamp::EPOCH;
    for (template, why) in [
        ("{}}}", "unbalanced templating characters"),
        ("{{", "unbalanced templating characters"),
        (r#"{"a":{{identity.entity.name}"#, "unbalanced templating characters"),
        (r#"{"a":{"b":{{identity.entity.name}}}}"#, "unbalanced templating characters"),
        (r#"{"a":{{identity.entity.nothing}} }"#, "no value could be found"),
        (r#"{"a":{{something}} }"#, "no value could be found"),
        (r#"{"a":{{identity.groups.names.x.id}} }"#, "no groups were provided"),
        (r#"{"a":{{identity.entity.aliases.x}} }"#, "invalid alias selector"),
        (r#"{"a":{{time.then}} }"#, "invalid time selector \"then\""),
        (r#"{"a":{{time.now.plus}} }"#, "missing time operand"),
        (r#"{"a":{{time.now.plus.soon}} }"#, "invalid duration"),
        (r#"{"a":{{time.now.times.2}} }"#, "invalid time operator \"times\""),
        ("[1]", "it is no object"),
        (r#"{"a":"{{identity.entity.name}}"}"#, "error parsing template JSON"),
        (r#"{"iss":"me"}"#, "top level key \"iss\" not allowed"),
    ] {
        let fault = Template::check(template, now).unwrap_err();
        assert_eq!(fault.status, 400);
        assert!(fault.errors[0].contains(why), "{template}: {fault}");
    }
    for template in ["", "{}", "bnVsbA==", "e30="] {
        Template::check(template, now).unwrap();
    }
}
