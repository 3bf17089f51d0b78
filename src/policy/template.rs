//! Templates in the paths of rules: `secret/{{identity.entity.name}}/*`.
//!
//! What they stand for is asked of a [`Subject`], and only of those that a policy has, so that
//! nothing is looked up for policies without them. A value that is not there, is empty or would
//! be a wildcard makes its rule void.

use crate::barrier::txn::{Txn, TxnError};

/// What a template stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Directive {
    /// Something of the sender's entity.
    Entity(Facet),
    /// Something of that entity's alias.
    Alias {
        /// The accessor of the auth mount that the alias is of.
        accessor: String,
        /// What of it.
        facet: Facet,
    },
    /// Something of a group that the entity is in, by itself or through other groups.
    Group {
        /// Which.
        group: Group,
        /// What of it.
        facet: Facet,
    },
    /// Nothing that exists.
    Unknown,
}

/// How a group is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

/// What of a thing is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Facet {
    /// Its id.
    Id,
    /// Its name.
    Name,
    /// The value of a key in its metadata.
    Metadata(String),
    /// The value of a key in an alias's custom metadata.
    CustomMetadata(String),
}

/// Whose request it is, as far as templates tell.
pub trait Subject {
    /// What `directive` stands for; `None` where there is no such thing.
    fn value(&mut self, txn: &mut Txn, directive: &Directive) -> Result<Option<String>, TxnError>;
}

impl Directive {
    /// Reads what stands between the braces.
    fn read(text: &str) -> Self {
        let known = || {
            let text = text.trim().strip_prefix("identity.")?;
            if let Some(rest) = text.strip_prefix("entity.aliases.") {
                let (accessor, facet) = rest.split_once('.')?;
                let facet = Facet::read(facet)?;
                return Some(Self::Alias { accessor: accessor.to_owned(), facet });
            }
            if let Some(facet) = text.strip_prefix("entity.") {
                let facet = Facet::read(facet).filter(Facet::is_common)?;
                return Some(Self::Entity(facet));
            }
            let (kind, rest) = text.strip_prefix("groups.")?.split_once('.')?;
            let (group, facet) = rest.split_once('.')?;
            let group = match kind {
                "ids" => Group::Id(group.to_owned()),
                "names" => Group::Name(group.to_owned()),
                _ => return None,
            };
            Some(Self::Group { group, facet: Facet::read(facet).filter(Facet::is_common)? })
        };
        known().unwrap_or(Self::Unknown)
    }
}

impl Facet {
    fn read(text: &str) -> Option<Self> {
        match (text, text.split_once('.')) {
            ("id", _) => Some(Self::Id),
            ("name", _) => Some(Self::Name),
            (_, Some(("metadata", key))) => Some(Self::Metadata(key.to_owned())),
            (_, Some(("custom_metadata", key))) => Some(Self::CustomMetadata(key.to_owned())),
            _ => None,
        }
    }

    /// Whether it is no peculiarity of aliases.
    fn is_common(&self) -> bool {
        !matches!(self, Self::CustomMetadata(_))
    }
}

/// A path with templates: what is written out, and what is to be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    start: String,
    /// A directive, and what is written behind it.
    rest: Vec<(Directive, String)>,
}

/// Braces that do not fit; the text is Vault's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

impl std::fmt::Display for Unbalanced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unbalanced templating characters")
    }
}

impl std::error::Error for Unbalanced {}

impl Template {
    /// Reads a path.
    pub fn read(path: &str) -> Result<Self, Unbalanced> {
        let mut pieces = path.split("{{");
        let start = pieces.next().unwrap_or_default();
        if start.contains("}}") {
            return Err(Unbalanced);
        }
        let piece = |piece: &str| {
            let (directive, behind) = piece.split_once("}}").ok_or(Unbalanced)?;
            match behind.contains("}}") {
                true => Err(Unbalanced),
                false => Ok((Directive::read(directive), behind.to_owned())),
            }
        };
        Ok(Self { start: start.to_owned(), rest: pieces.map(piece).collect::<Result<_, _>>()? })
    }

    /// Whether nothing is to be filled in.
    pub fn is_plain(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is to be filled in.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        self.rest.iter().map(|(directive, _)| directive)
    }

    /// The path with `value` of each directive; `None` where the rule is void.
    pub fn fill<'v>(&self, value: impl Fn(&Directive) -> Option<&'v str>) -> Option<String> {
        let mut path = self.start.clone();
        for (directive, behind) in &self.rest {
            let value = value(directive)?;
            if value.is_empty() || value.contains(['*', '+']) {
                return None;
            }
            path.extend([value, behind]);
        }
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_those_of_vault() {
        let group = |group| |facet| Directive::Group { group, facet };
        let by_name = || group(Group::Name("crew".into()));
        let alias = |facet| Directive::Alias { accessor: "auth_userpass_1".into(), facet };
        let key = || "a.b".to_owned();
        for (text, expected) in [
            ("identity.entity.id", Directive::Entity(Facet::Id)),
            (" identity.entity.name ", Directive::Entity(Facet::Name)),
            ("identity.entity.metadata.a.b", Directive::Entity(Facet::Metadata(key()))),
            ("identity.entity.aliases.auth_userpass_1.id", alias(Facet::Id)),
            ("identity.entity.aliases.auth_userpass_1.metadata.a.b", alias(Facet::Metadata(key()))),
            (
                "identity.entity.aliases.auth_userpass_1.custom_metadata.a.b",
                alias(Facet::CustomMetadata(key())),
            ),
            ("identity.groups.ids.7.name", group(Group::Id("7".into()))(Facet::Name)),
            ("identity.groups.names.crew.id", by_name()(Facet::Id)),
            ("identity.groups.names.crew.metadata.a.b", by_name()(Facet::Metadata(key()))),
            ("", Directive::Unknown),
            ("time.now", Directive::Unknown),
            ("identity.entity", Directive::Unknown),
            ("identity.entity.metadata", Directive::Unknown),
            ("identity.entity.custom_metadata.a", Directive::Unknown),
            ("identity.entity.groups.names", Directive::Unknown),
            ("identity.entity.aliases.x", Directive::Unknown),
            ("identity.groups.names.crew", Directive::Unknown),
            ("identity.groups.other.crew.id", Directive::Unknown),
        ] {
            assert_eq!(Directive::read(text), expected, "{text}");
        }
    }

    #[test]
    fn braces_must_fit() {
        for (path, fits) in [
            ("a/{{x}}/b{{y}}", true),
            ("{{}}", true),
            ("", true),
            ("a/{{x", false),
            ("a/}}x", false),
            ("a/{{x}}}}", false),
            ("a/{{x{{y}}", false),
            ("a/{x}", true),
        ] {
            assert_eq!(Template::read(path).is_ok(), fits, "{path}");
        }
    }

    #[test]
    fn a_value_is_filled_in_unless_it_is_none_or_a_wildcard() {
        let path = Template::read("a/{{identity.entity.name}}/b").unwrap();
        let fill = |value: Option<&'static str>| path.fill(|_| value);
        assert_eq!(fill(Some("alice")).as_deref(), Some("a/alice/b"));
        for void in [None, Some(""), Some("*"), Some("a+")] {
            assert_eq!(fill(void), None, "{void:?}");
        }
        assert!(Template::read("a/b").unwrap().is_plain());
    }
}
