//! The OpenAPI document (version 3.0.2) of endpoints, from their declarations.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::VERSION;
use super::ask::Verb;
use super::engine::{Declaration, Deed};
use super::field::{FieldInfo, Kind};
use super::pattern::capture;
use super::reply::object;
use super::route::Access;

/// A document that grows mount by mount.
#[derive(Default)]
pub struct Document {
    paths: Map<String, Value>,
    /// The operations' names: each stands for one.
    names: BTreeSet<String>,
}

impl Document {
    /// Adds the endpoints of what is mounted at `mount` (`sys/`, or nothing), under a heading.
    pub fn add(&mut self, mount: &str, tag: Option<&str>, declarations: &[Declaration]) {
        let published =
            |declaration: &&Declaration| declaration.operations.iter().any(|deed| deed.published);
        for declaration in declarations.iter().filter(published) {
            let path = template(mount, declaration.path);
            let mut item = self.item(&path, tag, declaration);
            match self.paths.get_mut(&path) {
                // Patterns that differ in how much they take are one path here; the first that
                // declares a method is the one that answers.
                Some(Value::Object(earlier)) => {
                    item.retain(|name, _| !earlier.contains_key(name));
                    earlier.extend(item);
                }
                _ => drop(self.paths.insert(path, item.into())),
            }
        }
    }

    /// The whole document.
    pub fn finish(self) -> Value {
        json!({
            "openapi": "3.0.2",
            "info": {
                "title": "Edgekeep",
                "description": "The HTTP API of Vault. All paths begin with `/v1/`.",
                "version": VERSION,
                "license": {
                    "name": "Apache-2.0",
                    "url": "https://www.apache.org/licenses/LICENSE-2.0",
                },
            },
            "servers": [{ "url": "/v1" }],
            "paths": self.paths,
            "components": {
                "securitySchemes": {
                    "token": { "type": "apiKey", "in": "header", "name": "X-Vault-Token" },
                },
            },
        })
    }

    fn item(
        &mut self,
        path: &str,
        tag: Option<&str>,
        declaration: &Declaration,
    ) -> Map<String, Value> {
        let captured: Vec<&str> = captures(declaration.path).collect();
        let open =
            matches!(declaration.access, Access::Sealed | Access::Unauthenticated | Access::Guest);
        let sudo = matches!(declaration.access, Access::Sudo | Access::SudoUnlessSealed);
        let mut item = object([("description", declaration.synopsis.into())]);
        let mut flag = |name: &str, holds: bool| {
            if holds {
                item.insert(name.to_owned(), true.into());
            }
        };
        flag("x-vault-unauthenticated", open);
        flag("x-vault-sudo", sudo);
        flag("x-vault-createSupported", declaration.creates);
        if !captured.is_empty() {
            let parameters: Vec<Value> =
                captured.iter().map(|name| in_path(name, declaration.fields)).collect();
            item.insert("parameters".to_owned(), parameters.into());
        }
        let find = |verb| {
            let mut published = declaration.operations.iter().filter(|deed| deed.published);
            published.find(|deed| deed.verb == verb)
        };
        for verb in [Verb::Read, Verb::List, Verb::Write, Verb::Patch, Verb::Delete] {
            let (Some(deed), Some(method)) = (find(verb), method(verb)) else { continue };
            let lists = find(Verb::List).is_some();
            if verb == Verb::List && item.contains_key(method) {
                continue;
            }
            let mut operation = object([
                ("summary", deed.summary.into()),
                ("operationId", self.name(method, path).into()),
                ("responses", responses(deed)),
            ]);
            if let Some(tag) = tag {
                operation.insert("tags".to_owned(), json!([tag]));
            }
            if !open {
                operation.insert("security".to_owned(), json!([{ "token": [] }]));
            }
            let fields =
                || declaration.fields.iter().filter(|field| !captured.contains(&field.name));
            if matches!(verb, Verb::Write | Verb::Patch) {
                let sent: Vec<_> = fields().filter(|field| !field.query).collect();
                if !sent.is_empty() {
                    operation.insert("requestBody".to_owned(), body(verb, &sent));
                }
            } else {
                let mut asked: Vec<Value> =
                    fields().filter(|field| field.query).map(|field| in_query(field)).collect();
                if method == "get" && lists {
                    asked.push(list_parameter(verb == Verb::List));
                }
                if !asked.is_empty() {
                    operation.insert("parameters".to_owned(), asked.into());
                }
            }
            item.insert(method.to_owned(), operation.into());
        }
        item
    }

    /// A name for an operation, such as `getSysMountsPath`.
    fn name(&mut self, method: &str, path: &str) -> String {
        let words =
            path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut name = method.to_owned();
        for word in words {
            let (first, rest) = word.split_at(1);
            name.extend([first.to_ascii_uppercase().as_str(), rest]);
        }
        let plain = name.clone();
        let mut count = 2;
        while !self.names.insert(name.clone()) {
            name = format!("{plain}{count}");
            count += 1;
        }
        name
    }
}

/// The path of a pattern, its captures in braces, without a slash that may be missing. A mount's
/// own braces are encoded.
fn template(mount: &str, pattern: &'static str) -> String {
    let pattern = pattern.strip_suffix("/?").unwrap_or(pattern);
    let mut path = format!("/{}", mount.replace('{', "%7B").replace('}', "%7D"));
    let pattern = pattern.strip_suffix("/?").unwrap_or(pattern);
    for (index, part) in pattern.split('/').enumerate() {
        if index > 0 {
            path.push('/');
        }
        match capture(part) {
            Some((name, _)) => path.extend(["{", name, "}"]),
            None => path.push_str(part),
        }
    }
    path
}

fn captures(pattern: &'static str) -> impl Iterator<Item = &'static str> {
    pattern.split('/').filter_map(capture).map(|(name, _)| name)
}

/// How a verb is sent; a listing is a GET with a parameter.
fn method(verb: Verb) -> Option<&'static str> {
    match verb {
        Verb::Read | Verb::List => Some("get"),
        Verb::Write => Some("post"),
        Verb::Patch => Some("patch"),
        Verb::Delete => Some("delete"),
        Verb::Recover | Verb::Help | Verb::Probe => None,
    }
}

fn responses(deed: &Deed) -> Value {
    let (ok, nothing) = (json!({ "description": "OK" }), json!({ "description": "empty body" }));
    match deed.verb {
        Verb::Delete => json!({ "204": nothing }),
        Verb::Write | Verb::Patch => json!({ "200": ok, "204": nothing }),
        _ => json!({ "200": ok }),
    }
}

fn in_path(name: &str, fields: &[&FieldInfo]) -> Value {
    let field = fields.iter().find(|field| field.name == name);
    let help = field.map_or("", |field| field.help);
    let schema = field.map_or_else(|| json!({ "type": "string" }), |field| schema(field.kind));
    json!({ "name": name, "description": help, "in": "path", "required": true, "schema": schema })
}

fn in_query(field: &FieldInfo) -> Value {
    let FieldInfo { name, help, kind, .. } = field;
    json!({ "name": name, "description": help, "in": "query", "schema": schema(*kind) })
}

fn list_parameter(required: bool) -> Value {
    if required {
        json!({
            "name": "list",
            "description": "Must be set to `true`",
            "in": "query",
            "required": true,
            "schema": { "type": "string", "enum": ["true"] },
        })
    } else {
        json!({
            "name": "list",
            "description": "Return a list if `true`",
            "in": "query",
            "schema": { "type": "string" },
        })
    }
}

fn body(verb: Verb, fields: &[&&FieldInfo]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let mut schema = schema(field.kind);
            schema["description"] = field.help.into();
            (field.name.to_owned(), schema)
        })
        .collect();
    let media = match verb {
        Verb::Patch => "application/merge-patch+json",
        _ => "application/json",
    };
    let schema = json!({ "type": "object", "properties": properties });
    json!({ "content": { media: { "schema": schema } } })
}

fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Int => json!({ "type": "integer" }),
        Kind::Float => json!({ "type": "number" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Duration | Kind::SignedDuration => json!({ "type": "integer", "format": "seconds" }),
        Kind::Ints => json!({ "type": "array", "items": { "type": "integer" } }),
        Kind::List | Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Pairs => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        Kind::Object => json!({ "type": "object" }),
        Kind::Any => json!({}),
    }
}
