//! The rules of the house that a text search can hold: see `src/README.md`.

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
    ("token", 4),
    ("engines", 5),
    ("mount", 6),
    ("pipeline", 7),
    ("sys", 8),
    ("server", 9),
    ("config", 10),
    ("node", 11),
    ("cli", 12),
];

/// Each third-party crate with the places that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("tiny_http", &["server/"]),
    ("httparse", &["server/"]),
    ("redb", &["storage/redb"]),
    ("argh", &["cli/"]),
    ("ureq", &["client/"]),
    ("rcgen", &["server/"]),
    ("tar", &["snapshot/"]),
    ("crc32fast", &["snapshot/"]),
    ("aws_lc_rs", &["base/", "server/", "client/"]),
    ("chacha20poly1305", &["barrier/"]),
    ("aes_siv", &["barrier/"]),
    ("vsss_rs", &["barrier/"]),
    ("getrandom", &["base/entropy.rs"]),
    ("signal_hook", &["cli/", "node"]),
    ("sd_notify", &["cli/", "node"]),
    ("listenfd", &["server/"]),
];

/// What stands nowhere in `src`, with the places that are excepted, and why.
const NEVERS: &[(&str, &[&str], &str)] = &[
    ("SystemTime::now", &["base/"], "only base reads the clock"),
    ("now_utc", &["base/"], "only base reads the clock"),
    (".unwrap()", &[], "nothing from outside is unwrapped"),
    ("panic!(", &[], "no panic outside of tests"),
    ("todo!(", &[], "nothing unfinished"),
    ("unimplemented!(", &[], "nothing unfinished"),
    ("println!(", &["cli/", "main.rs"], "only the command line prints"),
    ("print!(", &["cli/", "main.rs"], "only the command line prints"),
    ("process::exit", &["cli/", "main.rs"], "only the command line exits"),
    ("unsafe {", &["base/pages.rs"], "one small documented file has unsafe code"),
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
                let fits = used == module || rank(used).is_none_or(|other| other < own);
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
    let mut faults = Vec::new();
    for source in sources().iter().filter(|s| s.name.starts_with("engines/")) {
        let own = source.name.trim_start_matches("engines/").split(['/', '.']).next();
        for (number, line) in code(source) {
            let other = line.split("crate::engines::").nth(1).map(|rest| rest.split("::").next());
            let foreign = other.is_some_and(|other| other != own && other != Some(SHARED));
            let foreign = foreign && own != Some("mod");
            if foreign || line.contains("crate::token") || line.contains("crate::storage::") {
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
                    line.match_indices(used.as_str()).any(|(at, _)| {
                        let before = line[..at].chars().next_back();
                        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
                    })
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
            for (number, line) in code(&source).filter(|(_, line)| line.contains(never)) {
                faults.push(format!("{}:{number}: {} ({why})", source.name, line.trim()));
            }
        }
    }
    holds(&faults);
}
