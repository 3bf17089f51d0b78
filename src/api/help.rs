//! The help of a path, from its declaration: what `?help=1` answers and `path-help` prints.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::ask::Verb;
use super::engine::Declaration;
use super::field::Kind;
use super::openapi;

/// The help of one route, asked for as `path` (below its mount).
pub fn route(declaration: &Declaration, path: &str) -> Value {
    let mut text = format!("Request:        {path}\nMatching Route: {}\n\n", declaration.path);
    let _ = writeln!(text, "{}\n", declaration.synopsis);
    if !declaration.fields.is_empty() {
        text.push_str("## PARAMETERS\n\n");
        let mut fields = declaration.fields.to_vec();
        fields.sort_unstable_by_key(|field| field.name);
        for field in fields {
            let _ = writeln!(text, "    {} ({})\n", field.name, word(field.kind));
            let _ = writeln!(text, "        {}\n", field.help);
        }
    }
    let _ = write!(text, "## DESCRIPTION\n\n{}\n", declaration.description.trim_end());
    for deed in &declaration.operations {
        let _ = write!(text, "\n    {}\n        {}\n", method(deed.verb), deed.summary);
    }
    answer(&text, std::slice::from_ref(declaration))
}

/// The help of a mount's root: what it is and which paths it has.
pub fn mount(about: &str, declarations: &[Declaration]) -> Value {
    let mut text = format!("## DESCRIPTION\n\n{about}\n\n## PATHS\n\n");
    for declaration in declarations {
        let _ = writeln!(text, "    {}\n        {}\n", declaration.path, declaration.synopsis);
    }
    answer(&text, declarations)
}

fn answer(text: &str, declarations: &[Declaration]) -> Value {
    let mut document = openapi::Document::default();
    document.add("", None, declarations);
    json!({ "help": text, "openapi": document.finish(), "see_also": null })
}

/// Vault's word for a kind.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Int => "int",
        Kind::Float => "float",
        Kind::Bool => "bool",
        Kind::Duration | Kind::SignedDuration => "duration (sec)",
        Kind::Ints | Kind::List | Kind::Texts => "slice",
        Kind::Pairs => "keypair",
        Kind::Object => "map",
        Kind::Any => "any",
    }
}

fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "GET",
        Verb::List => "LIST",
        Verb::Write => "POST",
        Verb::Patch => "PATCH",
        Verb::Delete => "DELETE",
        Verb::Recover => "RECOVER",
        Verb::Help => "HELP",
        Verb::Probe => "OPTIONS",
    }
}
