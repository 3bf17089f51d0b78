//! The help of a path, from its declaration: what `?help=1` answers and `path-help` prints.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::ask::Verb;
use super::engine::Declaration;

/// The help of one route, asked for as `path` (below its mount).
pub fn route(declaration: &Declaration, path: &str) -> Value {
    let mut text = format!("Request:        {path}\nMatching Route: {}\n\n", declaration.path);
    let _ = writeln!(text, "{}\n", declaration.synopsis);
    if !declaration.fields.is_empty() {
        text.push_str("## PARAMETERS\n\n");
        for field in declaration.fields {
            let _ = writeln!(text, "    {} ({:?})", field.name, field.kind);
            let _ = writeln!(text, "        {}\n", field.help);
        }
    }
    text.push_str("## DESCRIPTION\n\n");
    text.push_str(declaration.description);
    for (verb, summary) in &declaration.operations {
        let _ = write!(text, "\n    {}\n        {summary}\n", method(*verb));
    }
    json!({ "help": text, "see_also": null })
}

/// The help of a mount's root: what it is and which paths it has.
pub fn mount(about: &str, declarations: &[Declaration]) -> Value {
    let mut text = format!("## DESCRIPTION\n\n{about}\n\n## PATHS\n\n");
    for declaration in declarations {
        let _ = writeln!(text, "    {}\n        {}\n", declaration.path, declaration.synopsis);
    }
    json!({ "help": text, "see_also": null })
}

fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "GET",
        Verb::List => "LIST",
        Verb::Write => "POST",
        Verb::Patch => "PATCH",
        Verb::Delete => "DELETE",
        Verb::Help => "HELP",
        Verb::Probe => "OPTIONS",
    }
}
