//! What README.md has a person type is typed here, in its order, from the page itself: a command
//! that is changed there is changed here, and one that is added is missed.
//!
//! The machine of the page is a folder (`page.rs`). Deploying is seen by `tests/systemd/boot`.

mod machine;
mod page;
#[path = "../support/mod.rs"]
mod support;

use std::fs;

use serde_json::json;

use machine::Machine;
use page::Section;
use support::eventually;

/// How each prompt for a secret ends.
const HIDDEN: &str = "(will be hidden): ";

#[test]
fn use_it() {
    let machine = Machine::developing();
    let password = "bread and butter";
    let answers = [("Enabled userpass auth method", password), (HIDDEN, password)];
    machine.types(&Section::of("Use it").script(), &answers);
    assert!(machine.path("dev.snap").exists());
    let token = fs::read_to_string(machine.path(".vault-token")).unwrap();
    assert!(token.starts_with("hvs."), "the login keeps its token");
}

#[test]
fn audit() {
    let machine = Machine::developing();
    fs::create_dir_all(machine.path("var/log/edgekeep")).unwrap();
    let said = machine.types(&Section::of("Audit").script(), &[]);
    assert!(said.contains("audit.log"), "{said}");
    assert!(machine.path("var/log/edgekeep/audit.log").exists());
}

#[test]
fn back_up_and_restore() {
    let mut page = Section::of("Back up and restore");
    let mut machine = Machine::serving("");
    machine.write("first");
    machine.types(&page.next("edgekeep snapshot save"), &[]);
    assert!(machine.types(&page.next("edgekeep snapshot inspect"), &[]).contains("Revision"));
    let key = machine.unseal_key();
    assert!(
        machine
            .types(&page.next("edgekeep snapshot verify"), &[(HIDDEN, &key)])
            .contains("Success")
    );
    machine.write("second");
    machine.types(&page.next("edgekeep snapshot restore backup.snap"), &[]);
    assert_eq!(machine.read(), "first");

    machine.is_lost();
    machine.types(&page.next("edgekeep snapshot restore -into"), &[]);
    machine.serves();
    assert_eq!(machine.read(), "first");
    page.ends();
}

#[test]
fn back_to_any_instant() {
    let mut page = Section::of("Back to any instant");
    let mut machine = Machine::serving(&page.settings());
    machine.write("first");
    machine.remembers("box");
    machine.write("second");
    machine.shipped("box");

    assert!(machine.types(&page.next("edgekeep snapshot log"), &[]).contains("db"));
    machine.types(&page.next("edgekeep snapshot restore -target=box -at"), &[]);
    assert_eq!(machine.read(), "second", "a dry run changes nothing");
    machine.types(&page.next("edgekeep snapshot restore -target=box -at"), &[]);
    assert_eq!(machine.read(), "first");
    machine.write("third");
    machine.types(&page.next("edgekeep snapshot restore -target=box -revision"), &[]);
    assert_eq!(machine.read(), "first");
    machine.write("fourth");
    machine.shipped("box");

    for _ in 0..2 {
        machine.is_lost();
        machine.types(&page.next("edgekeep snapshot restore -target="), &[]);
        machine.serves();
        assert_eq!(machine.read(), "fourth");
    }
    page.ends();
}

/// The section of a stick that is mounted, with the files of the machine.
const STICK: &str = "snapshot \"box\" {\n  type = \"file\"\n  path_prefix = \"/media/stick\"\n  \
                     interval = \"24h\"\n  journal = true\n  include = [\"/etc/edgekeep\"]\n}\n";

#[test]
fn a_machine_is_lost() {
    let mut page = Section::of("A machine is lost");
    let mut machine = Machine::serving(STICK);
    machine.write("first");
    machine.shipped("box");

    machine.is_lost();
    machine.types(&page.next("edgekeep restore -config"), &[]);
    let other = page.next("edgekeep restore -target=/media/stick -into");
    machine.starts(&page.next("edgekeep server -config"));
    machine.types(&page.next("edgekeep operator unseal"), &[(HIDDEN, &machine.unseal_key())]);
    assert_eq!(machine.read(), "first");
    machine.write("second");
    machine.shipped("box");

    machine.is_lost();
    machine.types(&other, &[]);
    machine.serves();
    assert_eq!(machine.read(), "second");
    machine.write("third");
    machine.shipped("box");

    machine.is_lost();
    let config = machine.path("etc/edgekeep/edgekeep.hcl");
    let text = fs::read(&config).unwrap();
    fs::remove_file(&config).unwrap();
    machine.types(
        &page.next("edgekeep restore -target=/media/stick"),
        &[(HIDDEN, &machine.unseal_key())],
    );
    assert_eq!(fs::read(&config).unwrap(), text, "its own files come back");
    machine.serves();
    assert_eq!(machine.read(), "third");
    page.ends();
}

#[test]
fn a_standby() {
    let mut page = Section::of("A standby");
    let mut machine = Machine::serving(STICK);
    machine.write("first");
    let revision = machine.shipped("box");

    machine.is_lost();
    machine.starts(&page.next("edgekeep server -config"));
    let health = page.next("curl -sw");
    machine.names(" --cacert $VAULT_CACERT", Some(""));
    let follows = |shown: &str| shown.contains("\"follows\"") && shown.ends_with("472");
    eventually("it follows", || follows(&machine.types(&health, &[])));
    eventually("it has all", || machine.follows(revision));
    machine.types(&page.next("edgekeep promote"), &[]);
    eventually("it serves", || !machine.types(&health, &[]).contains("\"follows\""));
    machine.types(&page.next("edgekeep operator unseal"), &[(HIDDEN, &machine.unseal_key())]);
    assert_eq!(machine.read(), "first");
    page.ends();
}

#[test]
fn one_secret_back() {
    let mut page = Section::of("One secret back");
    let mut machine = Machine::serving(&Section::of("Back to any instant").settings());
    machine.write("first");
    machine.types("edgekeep snapshot save backup.snap; cp backup.snap monday.snap", &[]);
    machine.remembers("box");
    machine.write("second");
    machine.types("edgekeep snapshot save friday.snap", &[]);
    machine.shipped("box");

    let said = machine.types(&page.next("edgekeep snapshot load backup.snap"), &[]);
    machine.names("$ID", said.split_whitespace().skip_while(|word| *word != "snapshot_id").nth(1));
    assert!(machine.types(&page.next("edgekeep kv get"), &[]).contains("first"));
    machine.types(&page.next("edgekeep recover"), &[]);
    assert_eq!(machine.read(), "first");
    assert_eq!(machine.versions(), 3, "as a new version");
    machine.types(&page.next("edgekeep recover"), &[]);
    assert_eq!(machine.versions(), 1, "in the place of today's");
    machine.types(&page.next("edgekeep snapshot unload"), &[]);

    let key = machine.unseal_key();
    machine.write("third");
    assert!(
        machine.types(&page.next("edgekeep snapshot diff backup.snap now"), &[]).contains("db")
    );
    assert!(
        machine
            .types(&page.next("edgekeep snapshot diff monday.snap"), &[(HIDDEN, &key)])
            .contains("db")
    );
    assert!(
        machine
            .types(&page.next("edgekeep snapshot read backup.snap"), &[(HIDDEN, &key)])
            .contains("first")
    );

    machine.types(&page.next("edgekeep snapshot load box@"), &[]);
    let differ = machine.types(&page.next("edgekeep snapshot diff -values"), &[]);
    assert!(differ.contains("first") && differ.contains("third"), "{differ}");
    assert!(machine.types(&page.next("edgekeep snapshot diff box@"), &[]).contains("db"));
    machine.types(&page.next("edgekeep recover"), &[]);
    assert_eq!(machine.read(), "first");
    machine.shipped("box");
    assert!(
        machine
            .types(&page.next("edgekeep snapshot read -at"), &[(HIDDEN, &key)])
            .contains("first")
    );
    let all = machine.types(&page.next("edgekeep snapshot read -config"), &[(HIDDEN, &key)]);
    assert!(all.contains("first") && all.contains("third"), "{all}");
    page.ends();
}

/// What a server of the page's configuration is asked for over HTTP.
#[test]
fn watch() {
    let settings = Section::of("Watch").settings();
    let machine = Machine::listening(&settings);
    let metrics = machine.client().get("sys/metrics?format=prometheus");
    assert_eq!(metrics.status, 200, "to everybody, as {settings} says");
    assert_eq!(machine.root().post("secret/data/x", json!({ "data": { "a": 1 } })).status, 200);
}
