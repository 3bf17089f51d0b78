//! The text of a policy, HCL or JSON, read as Vault 1.10 reads it, with its leniencies and in its
//! words.
//!
//! What Vault accepts without effect is accepted so: `comment`, `name`, `mfa_methods`,
//! `control_group`, and what follows the JSON object.

use std::sync::Arc;

use super::capability::{Capabilities, Capability};
use super::control_group::{self, duration};
use super::decode;
use super::grant::{Grant, Limits, Parameters};
use super::template::Template;
use crate::base::golang::{multierror, quote};
use crate::base::hcl::{self, Body, Item, Kind, Value};

/// A `path` block.
#[derive(Clone, Debug)]
pub struct PathRule {
    /// Its path.
    pub path: Template,
    /// What it gives.
    pub grant: Grant,
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(String);

impl std::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed to parse policy: {}", self.0)
    }
}

impl std::error::Error for PolicyError {}

const BLOCK_KEYS: &[&str] = &[
    "comment",
    "policy",
    "capabilities",
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "min_wrapping_ttl",
    "max_wrapping_ttl",
    "mfa_methods",
    "control_group",
];

/// Reads a policy: at most [`hcl::MAX_BYTES`].
pub fn parse(text: &[u8]) -> Result<Vec<PathRule>, PolicyError> {
    let document = hcl::parse_bytes(text).map_err(|error| PolicyError(error.to_string()))?;
    rules(&document.body).map_err(PolicyError)
}

fn rules(body: &Body) -> Result<Vec<PathRule>, String> {
    let unknown = unknown_keys(body, &["name", "path"]);
    if !unknown.is_empty() {
        return Err(multierror(&unknown));
    }
    decode::text(body, "name").map_err(|error| error.to_string())?;
    body.items.iter().filter(|item| item.key.text == "path").map(rule).collect()
}

fn unknown_keys(body: &Body, known: &[&str]) -> Vec<String> {
    let unknown = body.items.iter().filter(|item| !known.contains(&item.key.text.as_str()));
    let told = |item: &Item| {
        let line = item.assign.map_or(0, |at| at.line);
        format!("invalid key {} on line {line}", quote(&item.key.text))
    };
    unknown.map(told).collect()
}

fn rule(item: &Item) -> Result<PathRule, String> {
    // `path { ... }` is about the path "path"; of several labels the first one counts.
    let path = item.labels.first().map_or("path", |label| label.text.as_str());
    let template = Template::read(path)
        .map_err(|error| format!("failed to validate policy templating: {error}"))?;
    let prefix = |why: &str| format!("path {}: {why}", quote(path));
    let Some(body) = decode::object(&item.value) else {
        let what = decode::go_type(&item.value, "*ast.ObjectType");
        return Err(prefix(&format!("cannot check HCL keys of type {what}")));
    };
    let unknown = unknown_keys(body, BLOCK_KEYS);
    if !unknown.is_empty() {
        let told: Vec<String> = unknown.iter().map(|why| prefix(why)).collect();
        return Err(multierror(&told));
    }
    let block = Block::read(body).map_err(|error| prefix(&error.to_string()))?;
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.contains("+*") {
        let path = quote(path);
        return Err(format!("path {path}: invalid use of wildcards ('+*' is forbidden)"));
    }
    let names = block.capability_names().map_err(|why| prefix(&why))?;
    let capabilities = capabilities(&names).map_err(|why| prefix(&why))?;
    // Whoever denies says no more: the rest is not even checked.
    let limits = if capabilities.denies() { None } else { block.limits(&names)? };
    Ok(PathRule { path: template, grant: Grant { capabilities, limits: limits.map(Arc::new) } })
}

/// The fields of a `path` block.
struct Block<'b> {
    policy: Option<String>,
    capabilities: Vec<String>,
    min_wrapping_ttl: Option<&'b Value>,
    max_wrapping_ttl: Option<&'b Value>,
    allowed: Vec<(String, Vec<serde_json::Value>)>,
    denied: Vec<(String, Vec<serde_json::Value>)>,
    required: Vec<String>,
    control_group: Option<&'b Value>,
}

impl<'b> Block<'b> {
    fn read(body: &'b Body) -> Result<Self, hcl::Error> {
        let block = Self {
            policy: decode::text(body, "policy")?,
            capabilities: decode::texts(body, "capabilities")?,
            min_wrapping_ttl: decode::value(body, "min_wrapping_ttl"),
            max_wrapping_ttl: decode::value(body, "max_wrapping_ttl"),
            allowed: decode::lists(body, "allowed_parameters")?,
            denied: decode::lists(body, "denied_parameters")?,
            required: decode::texts(body, "required_parameters")?,
            control_group: decode::value(body, "control_group"),
        };
        decode::texts(body, "mfa_methods")?;
        match block.control_group {
            Some(value) if !matches!(value.kind, Kind::Object(_)) => {
                let what = decode::go_type(value, "*ast.ObjectType");
                let what = format!("root.control_group: not an object type for struct ({what})");
                Err(hcl::Error::new(value.at, what))
            }
            _ => Ok(block),
        }
    }

    /// The names of the capabilities, with those that an old-style `policy` stands for.
    fn capability_names(&self) -> Result<Vec<String>, String> {
        let old: &[&str] = match self.policy.as_deref().unwrap_or_default() {
            "" => &[],
            "deny" => return Ok(vec!["deny".to_owned()]),
            "read" => &["read", "list"],
            "write" => &["create", "read", "update", "delete", "list"],
            "sudo" => &["create", "read", "update", "delete", "list", "sudo"],
            other => return Err(format!("invalid policy {}", quote(other))),
        };
        let old = old.iter().map(|name| (*name).to_owned());
        Ok(self.capabilities.iter().cloned().chain(old).collect())
    }

    fn limits(self, capabilities: &[String]) -> Result<Option<Limits>, String> {
        let span = |name: &str, value: Option<&Value>| {
            let ttl = value.map(duration).transpose();
            ttl.map_err(|error| format!("error parsing {name}: {error}"))
        };
        let least = span("min_wrapping_ttl", self.min_wrapping_ttl)?.filter(|ttl| !ttl.is_zero());
        let most = span("max_wrapping_ttl", self.max_wrapping_ttl)?.filter(|ttl| !ttl.is_zero());
        if let Some(group) = self.control_group.and_then(decode::object) {
            control_group::check(group, capabilities)?;
        }
        if let (Some(least), Some(most)) = (least, most)
            && most < least
        {
            return Err("max_wrapping_ttl cannot be less than min_wrapping_ttl".to_owned());
        }
        let limits = Limits {
            // A negative one binds nobody.
            min_wrapping_ttl: least.and_then(|ttl| ttl.to_duration()),
            max_wrapping_ttl: most.and_then(|ttl| ttl.to_duration()),
            allowed: parameters(self.allowed),
            denied: parameters(self.denied),
            required: self.required,
        };
        Ok((limits != Limits::default()).then_some(limits))
    }
}

/// The capabilities of these names, of which nothing behind a `deny` is looked at.
fn capabilities(names: &[String]) -> Result<Capabilities, String> {
    let mut set = Capabilities::default();
    for name in names {
        match Capability::named(name) {
            Some(Capability::Deny) => return Ok(Capabilities::from_iter([Capability::Deny])),
            Some(capability) => set.add(capability),
            None => return Err(format!("invalid capability {}", quote(name))),
        }
    }
    Ok(set)
}

/// Names are matched without case; a name that is given several times adds up.
fn parameters(lists: Vec<(String, Vec<serde_json::Value>)>) -> Parameters {
    let mut parameters = Parameters::new();
    for (name, values) in lists {
        parameters.entry(name.to_lowercase()).or_default().extend(values);
    }
    parameters
}
