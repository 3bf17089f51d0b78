//! The rules of the house that a text search can hold: see `src/README.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, in order: each may import those of an earlier line, `beside` names what a line may
/// import of its own.
const LAYERS: &[(&str, u32)] = &[
    ("base", 0),
    ("client", 1),
    ("storage", 1),
    ("barrier", 2),
    ("snapshot", 3),
    ("api", 3),
    ("policy", 4),
    ("identity", 4),
    ("quota", 4),
    ("lease", 4),
    ("token", 4),
    ("audit", 4),
    ("engines", 5),
    ("auth", 5),
    ("mount", 6),
    ("pipeline", 7),
    ("sys", 8),
    ("server", 9),
    ("config", 10),
    ("node", 11),
    ("cli", 12),
];

/// A crate that is at home everywhere.
const EVERYWHERE: &[&str] = &[""];

/// Each third-party crate with the places that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("tiny_http", &["server/"]),
    ("httparse", &["server/"]),
    ("redb", &["storage/redb"]),
    ("argh", &["cli/"]),
    ("ureq", &["client/"]),
    ("rcgen", &["server/"]),
    ("roxmltree", &["snapshot/target/xml.rs"]),
    ("tar", &["snapshot/"]),
    ("crc32fast", &["snapshot/"]),
    ("aws_lc_rs", &["base/", "server/", "client/"]),
    ("chacha20poly1305", &["barrier/"]),
    ("aes_siv", &["barrier/"]),
    ("sha3", &["base/"]),
    ("vsss_rs", &["barrier/"]),
    ("getrandom", &["base/entropy.rs"]),
    ("signal_hook", &["cli/", "node"]),
    ("listenfd", &["server/"]),
    ("rustls", &["server/", "client/", "base/pem.rs", "base/clock.rs"]),
    ("rustls_native_certs", &["client/"]),
    ("x509_parser", &["server/", "client/"]),
    ("postcard", &["base/record.rs"]),
    ("subtle", &["base/secret.rs", "sys/shares.rs"]),
    ("rand_core", &["barrier/seal/shamir.rs"]),
    ("time", &["base/clock.rs", "server/certificate.rs", "cli/operator/key_status.rs"]),
    ("bcrypt", &["base/password.rs"]),
    ("zeroizing_alloc", &["main.rs"]),
    ("base64", EVERYWHERE),
    ("log", EVERYWHERE),
    ("rustix", EVERYWHERE),
    ("serde", EVERYWHERE),
    ("serde_json", EVERYWHERE),
    ("zeroize", EVERYWHERE),
];

/// What every kind of store, of target and of seal must hold is a part of the library, so that the tests of
/// each kind, in whatever binary they are, run the same: it asserts, and nothing but tests calls it.
const ASSERTING: &[&str] =
    &["storage/contract.rs", "snapshot/target/contract.rs", "barrier/seal/contract.rs"];

/// Where JSON is read otherwise: into types of our own.
const JSON: &[&str] = &["base/json.rs", "snapshot/format/meta.rs"];

/// Of what asks the standard library for the time of day, or has it asked.
const ENDS: &str = "that clock ends in January 2038 on 32 bits (base::clock's does not)";

/// What stands nowhere in `src`, with the places that are excepted, and why.
const NEVERS: &[(&str, &[&str], &str)] = &[
    ("SystemTime::now", &["base/"], "only base reads the clock"),
    ("Instant::now", &["base/"], "only base reads the clock"),
    ("now_utc", &["base/"], "only base reads the clock"),
    (".modified()", &[], ENDS),
    ("UnixTime::now", &[], ENDS),
    ("ASN1Time::now", &[], ENDS),
    (".is_valid()", &[], ENDS),
    (".time_to_expiration()", &[], ENDS),
    ("ClientConfig::builder()", &[], ENDS),
    ("ClientConfig::builder_with_provider", &[], ENDS),
    ("ServerConfig::builder()", &[], ENDS),
    ("ServerConfig::builder_with_provider", &[], ENDS),
    ("Ticketer", &[], ENDS),
    ("TicketRotator", &[], ENDS),
    ("tiny_http::Response", &[], ENDS),
    (".unwrap()", &[], "nothing from outside is unwrapped"),
    ("panic!(", &[], "no panic outside of tests"),
    ("unreachable!(", &[], "no panic outside of tests"),
    ("assert!(", ASSERTING, "no panic outside of tests"),
    ("assert_eq!(", ASSERTING, "no panic outside of tests"),
    ("assert_ne!(", ASSERTING, "no panic outside of tests"),
    ("todo!(", &[], "nothing unfinished"),
    ("unimplemented!(", &[], "nothing unfinished"),
    ("serde_json::from_", JSON, "base::json reads JSON: serde_json takes some objects for numbers"),
    ("println!(", &["cli/", "main.rs"], "only the command line prints"),
    ("print!(", &["cli/", "main.rs"], "only the command line prints"),
    ("eprintln!(", &["cli/", "main.rs"], "only the command line prints"),
    ("eprint!(", &["cli/", "main.rs"], "only the command line prints"),
    ("dbg!(", &[], "nothing unfinished"),
    ("process::exit", &["cli/", "main.rs"], "only the command line exits"),
    ("unsafe ", &["base/pages.rs"], "one small documented file has unsafe code"),
    ("macro_rules!", &[], "no macro beyond derives"),
];

struct Source {
    /// Below `src`.
    name: String,
    /// Without its tests.
    text: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                found.push(source(&root, path));
            }
        }
    }
    assert!(found.len() > 20, "the sources are under {}", root.display());
    found
}

fn source(root: &Path, path: PathBuf) -> Source {
    let whole = fs::read_to_string(&path).unwrap();
    let text = whole.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
    let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    let lines = text.lines().count();
    Source { name, text, lines }
}

/// Lines of code, comments left out, numbered from 1.
fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let numbered = source.text.lines().enumerate().map(|(i, line)| (i + 1, line));
    numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether what stands at `at` is no end of a longer word.
fn begins_word(line: &str, at: usize) -> bool {
    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn holds(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn lines_and_files_are_short() {
    let mut faults = Vec::new();
    for source in sources() {
        if source.lines > 600 {
            faults.push(format!("{}: {} lines, at most 600", source.name, source.lines));
        }
        for (number, line) in source.text.lines().enumerate() {
            if line.chars().count() > 100 {
                faults.push(format!("{}:{}: over 100 characters", source.name, number + 1));
            }
        }
    }
    holds(&faults);
}

#[test]
fn a_layer_imports_only_from_those_before_it() {
    let rank = |module: &str| LAYERS.iter().find(|(name, _)| *name == module).map(|(_, r)| *r);
    let mut faults = Vec::new();
    for source in sources() {
        let module = source.name.split(['/', '.']).next().unwrap_or_default();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some(own) = rank(module) else {
            faults.push(format!("{}: give `{module}` a place in LAYERS", source.name));
            continue;
        };
        for (number, line) in code(&source) {
            for used in line.split("crate::").skip(1) {
                let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                let used = used.unwrap_or_default();
                // `crate::{…}` names no layer on its line, and is refused with that.
                let fits = used == module || rank(used).is_some_and(|other| other < own);
                // client stands right of base and imports only base.
                let fits = fits && (module != "client" || matches!(used, "base" | "client"));
                if !fits {
                    faults.push(format!("{}:{number}: imports crate::{used}", source.name));
                }
            }
        }
    }
    holds(&faults);
}

#[test]
fn engines_do_not_know_each_other_nor_the_nouns() {
    // What several of them keep is a room of its own.
    const SHARED: &str = "document";
    const NOUNS: [&str; 5] = ["policy", "identity", "lease", "token", "audit"];
    let mut faults = Vec::new();
    for source in sources().iter().filter(|s| s.name.starts_with("engines/")) {
        let own = source.name.trim_start_matches("engines/").split(['/', '.']).next();
        for (number, line) in code(source) {
            let other = line.split("crate::engines::").nth(1).map(|rest| rest.split("::").next());
            let foreign = other.is_some_and(|other| other != own && other != Some(SHARED));
            let foreign = foreign && own != Some("mod");
            let noun = NOUNS.iter().any(|noun| line.contains(&format!("crate::{noun}::")));
            if foreign || noun || line.contains("crate::storage::") {
                faults.push(format!("{}:{number}: {}", source.name, line.trim()));
            }
        }
    }
    holds(&faults);
}

#[test]
fn each_third_party_crate_has_one_home() {
    let mut faults = Vec::new();
    for source in sources() {
        for (name, homes) in HOMES {
            let used = [format!("{name}::"), format!("use {name};")];
            for (number, line) in code(&source) {
                let names = used.iter().any(|used| {
                    line.match_indices(used.as_str())
                        .any(|(at, _)| begins_word(line, at) && !line[..at].ends_with(':'))
                });
                if names && !homes.iter().any(|home| source.name.starts_with(home)) {
                    faults.push(format!("{}:{number}: {name} lives in {homes:?}", source.name));
                }
            }
        }
    }
    holds(&faults);
}

#[test]
fn the_nevers_hold() {
    let mut faults = Vec::new();
    for source in sources() {
        for (never, excepted, why) in NEVERS {
            if excepted.iter().any(|place| source.name.starts_with(place)) {
                continue;
            }
            // What the compiler checks cannot panic later.
            let checked = |line: &str, at| line[..at].ends_with("const { ");
            let stands = |line: &str| {
                let mut places = line.match_indices(never).map(|(at, _)| at);
                places.any(|at| {
                    (never.starts_with('.') || begins_word(line, at)) && !checked(line, at)
                })
            };
            for (number, line) in code(&source).filter(|(_, line)| stands(line)) {
                faults.push(format!("{}:{number}: {} ({why})", source.name, line.trim()));
            }
        }
    }
    holds(&faults);
}

#[test]
fn every_dependency_has_a_home() {
    let manifest = include_str!("../Cargo.toml");
    let section = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next());
    let names = section.unwrap().lines().filter_map(|line| line.split_once(" = "));
    let missing: Vec<String> = names
        .map(|(name, _)| name.replace('-', "_"))
        .filter(|name| !HOMES.iter().any(|(known, _)| known == name))
        .collect();
    holds(&missing);
}

#[test]
fn what_is_expected_is_reasoned() {
    let mut faults = Vec::new();
    for source in sources() {
        // The reason covers the function that it stands over, to the brace that ends that.
        let mut reasoned = None;
        for (number, line) in code(&source) {
            let start = line.trim_start();
            let indent = line.len() - start.len();
            if start.starts_with("#[expect(clippy::expect_used, reason") {
                reasoned = Some(indent);
            } else if start == "}" && reasoned == Some(indent) {
                reasoned = None;
            } else if reasoned.is_none()
                && (start.contains(".expect(\"") || start.ends_with(".expect("))
            {
                faults.push(format!("{}:{number}: {start} (say why it holds)", source.name));
            }
        }
    }
    holds(&faults);
}

/// The tests that `Cargo.toml` has on the harness of tests/support.
fn on_the_harness() -> BTreeSet<&'static str> {
    let manifest = include_str!("../Cargo.toml");
    let named = manifest.split("[[test]]\nname = \"").skip(1);
    let named = named.filter_map(|rest| rest.split_once("\"\nharness = false\n"));
    named.map(|(name, _)| name).collect()
}

#[test]
fn what_lists_its_tests_is_on_the_harness() {
    // Elsewhere none of them would run, and nothing would say so.
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut listing = BTreeSet::new();
    for entry in fs::read_dir(tests).unwrap() {
        let path = entry.unwrap().path();
        let main = if path.is_dir() { path.join("main.rs") } else { path.clone() };
        if fs::read_to_string(main).is_ok_and(|text| text.contains("\ntests! {\n")) {
            listing.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    assert!(listing.iter().eq(on_the_harness()), "{listing:?} list theirs");
}

#[test]
fn what_is_on_the_harness_has_no_test_of_another() {
    // The attribute would take it away there, listed or not.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut faults = Vec::new();
    for name in on_the_harness() {
        let mut paths = vec![root.join("tests").join(format!("{name}.rs"))];
        paths.retain(|path| path.exists());
        let mut folders = vec![root.join("tests").join(name)];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(folder).into_iter().flatten();
            let (inner, files): (Vec<_>, Vec<_>) =
                entries.map(|entry| entry.unwrap().path()).partition(|path| path.is_dir());
            folders.extend(inner);
            paths.extend(files.into_iter().filter(|path| path.extension() == Some("rs".as_ref())));
        }
        assert!(!paths.is_empty(), "{name}");
        for path in paths {
            let text = fs::read_to_string(&path).unwrap();
            if text.contains("#[test]") {
                faults.push(format!("{}: list it in tests!", path.display()));
            }
        }
    }
    holds(&faults);
}
