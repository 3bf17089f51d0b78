//! Templates of what a token says: JSON with `{{identity.entity.name}}` and the like in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::record::{Alias, Texts};
use super::super::subject::Subject;
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::json;
use crate::base::ttl::Ttl;

/// What tokens say of themselves; no template says it.
pub const RESERVED: [&str; 10] =
    ["iat", "aud", "exp", "iss", "sub", "namespace", "nonce", "auth_time", "at_hash", "c_hash"];

/// A template.
pub struct Template(Vec<Piece>);

enum Piece {
    Text(String),
    Value(Directive),
}

/// What is filled in.
enum Directive {
    EntityId,
    EntityName,
    EntityMetadata(Pick),
    GroupIds,
    GroupNames,
    /// Of the entity's alias at the mount of that accessor.
    Alias(String, OfAlias),
    /// Seconds since the epoch, with this added.
    Now(Ttl),
}

enum OfAlias {
    Id,
    Name,
    Metadata(Pick),
    CustomMetadata(Pick),
}

/// All texts, or that of one name.
type Pick = Option<String>;

const NOTHING: &str = "no value could be found for one of the template directives";
const UNBALANCED: &str = "unbalanced templating characters";

impl Template {
    /// The text of a template, which may be sent as base64, if it makes an object.
    pub fn check(sent: &str, now: Timestamp) -> Result<String, Fault> {
        let text = match STANDARD.decode(sent) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => sent.to_owned(),
        };
        if text.is_empty() {
            return Ok(text);
        }
        let refused = |why: String| Fault::bad_request(format!("error parsing template{why}"));
        let template = Self::parse(&text).map_err(|why| refused(format!(": {why}")))?;
        let filled = json::read(template.fill(None, now).as_bytes());
        let object = match filled.map_err(|error| refused(format!(" JSON: {error}")))? {
            Value::Object(object) => object,
            Value::Null => return Ok(text),
            _ => return Err(refused(" JSON: it is no object".to_owned())),
        };
        if let Some(name) = object.keys().find(|name| RESERVED.contains(&name.as_str())) {
            return Err(Fault::bad_request(format!(
                "top level key {} not allowed. Restricted keys: {}",
                golang::quote(name),
                RESERVED.join(", ")
            )));
        }
        Ok(text)
    }

    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split("{{");
        let start = parts.next().unwrap_or_default();
        if start.contains("}}") {
            return Err(UNBALANCED.to_owned());
        }
        let mut pieces = vec![Piece::Text(start.to_owned())];
        for part in parts {
            let (directive, rest) = part.split_once("}}").ok_or(UNBALANCED)?;
            if rest.contains("}}") {
                return Err(UNBALANCED.to_owned());
            }
            pieces.push(Piece::Value(Directive::read(directive.trim())?));
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The text with everything filled in; of nobody, what it would be if nothing were known.
    pub fn fill(&self, subject: Option<&Subject>, now: Timestamp) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value(directive) => {
                    out.push_str(&directive.value(subject, now).to_string());
                }
            }
        }
        out
    }
}

impl Directive {
    fn read(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("identity.entity.") {
            return Self::of_entity(rest);
        }
        if text.starts_with("identity.groups.") {
            return Err(
                "string contains groups template directives but no groups were provided".to_owned()
            );
        }
        match text.strip_prefix("time.") {
            Some(rest) => Self::of_time(rest),
            None => Err(NOTHING.to_owned()),
        }
    }

    fn of_entity(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("aliases.") {
            let (accessor, rest) = rest.split_once('.').ok_or("invalid alias selector")?;
            return Ok(Self::Alias(accessor.to_owned(), OfAlias::read(rest)?));
        }
        match text {
            "id" => Ok(Self::EntityId),
            "name" => Ok(Self::EntityName),
            "groups.ids" => Ok(Self::GroupIds),
            "groups.names" => Ok(Self::GroupNames),
            _ => pick(text, "metadata").map(Self::EntityMetadata).ok_or_else(|| NOTHING.to_owned()),
        }
    }

    fn of_time(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, '.');
        let selector = parts.next().unwrap_or_default();
        if selector != "now" {
            return Err(format!("invalid time selector {}", golang::quote(selector)));
        }
        let Some(operator) = parts.next() else { return Ok(Self::Now(Ttl::ZERO)) };
        let operand = parts.next().ok_or("missing time operand")?;
        let span = Ttl::parse(operand).map_err(|error| format!("invalid duration: {error}"))?;
        match operator {
            "plus" => Ok(Self::Now(span)),
            "minus" => Ok(Self::Now(Ttl::from_secs(-span.as_secs()))),
            _ => Err(format!("invalid time operator {}", golang::quote(operator))),
        }
    }

    fn value(&self, subject: Option<&Subject>, now: Timestamp) -> Value {
        let entity = subject.map(|subject| &subject.entity);
        let groups = subject.map_or(&[][..], |subject| &subject.groups);
        match self {
            Self::EntityId => entity.map_or("", |entity| &entity.id).into(),
            Self::EntityName => entity.map_or("", |entity| &entity.name).into(),
            Self::EntityMetadata(name) => {
                picked(entity.and_then(|entity| entity.metadata.as_ref()), name)
            }
            Self::GroupIds => groups.iter().map(|group| group.id.as_str()).collect(),
            Self::GroupNames => groups.iter().map(|group| group.name.as_str()).collect(),
            Self::Alias(accessor, what) => {
                what.value(entity.and_then(|entity| entity.alias(accessor)))
            }
            Self::Now(span) => {
                let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
                now.saturating_add(span.as_secs()).into()
            }
        }
    }
}

impl OfAlias {
    fn read(text: &str) -> Result<Self, &'static str> {
        let texts = || {
            let metadata = pick(text, "metadata").map(Self::Metadata);
            metadata.or_else(|| pick(text, "custom_metadata").map(Self::CustomMetadata))
        };
        match text {
            "id" => Ok(Self::Id),
            "name" => Ok(Self::Name),
            _ => texts().ok_or(NOTHING),
        }
    }

    fn value(&self, alias: Option<&Alias>) -> Value {
        match self {
            Self::Id => alias.map_or("", |alias| &alias.id).into(),
            Self::Name => alias.map_or("", |alias| &alias.name).into(),
            Self::Metadata(name) => picked(alias.and_then(|a| a.metadata.as_ref()), name),
            Self::CustomMetadata(name) => {
                picked(alias.and_then(|a| a.custom_metadata.as_ref()), name)
            }
        }
    }
}

/// What `text` picks of the texts that are called `texts`: all, or by `.NAME` one.
fn pick(text: &str, texts: &str) -> Option<Pick> {
    match text.strip_prefix(texts)? {
        "" => Some(None),
        rest => rest.strip_prefix('.').map(|name| Some(name.to_owned())),
    }
}

/// What is picked: an object, or a text, which is empty where there is none.
fn picked(texts: Option<&Texts>, name: &Pick) -> Value {
    match name {
        None => texts.map_or_else(|| json!({}), |texts| json!(texts)),
        Some(name) => texts.and_then(|texts| texts.get(name)).map_or("", String::as_str).into(),
    }
}
