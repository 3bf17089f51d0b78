//! Fields: what an endpoint takes, declared once and read by typed keys.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use serde_json::{Map, Value};

use super::convert::{self, ConvertError};
use crate::base::fault::Fault;
use crate::base::ttl::Ttl;

/// What is known of a field without its type.
pub struct FieldInfo {
    /// Its name in JSON, in the query and in a path pattern.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// What it means, with unit and range, for help and OpenAPI.
    pub help: &'static str,
    /// Whether it is meant for reads and listings, which take it from the query.
    pub query: bool,
}

impl FieldInfo {
    /// Refuses what was sent and is not declared.
    pub fn must_be_declared(declared: &[&Self], sent: &Map<String, Value>) -> Result<(), Fault> {
        match Self::undeclared(declared, sent).next() {
            None => Ok(()),
            Some(name) => {
                let known: Vec<&str> = declared.iter().map(|info| info.name).collect();
                let known = known.join(", ");
                Err(Fault::bad_request(format!("there is no field {name:?} here: {known}")))
            }
        }
    }

    /// What was sent and is not declared.
    pub fn undeclared<'a>(
        declared: &[&Self],
        sent: &'a Map<String, Value>,
    ) -> impl Iterator<Item = &'a str> {
        let unknown = |name: &&str| declared.iter().all(|info| info.name != *name);
        sent.keys().map(String::as_str).filter(unknown)
    }
}

/// A warning of what was sent and means nothing, in Vault's words.
pub fn ignored<'a>(unknown: impl Iterator<Item = &'a str>) -> Option<String> {
    let all = unknown.collect::<Vec<_>>().join(" ");
    (!all.is_empty()).then(|| format!("Endpoint ignored these unrecognized parameters: [{all}]"))
}

/// A field with the type that it is read as.
pub struct Field<T> {
    /// The declaration, as a table lists it.
    pub info: FieldInfo,
    typed: PhantomData<fn() -> T>,
}

impl<T: FieldType> Field<T> {
    /// Declares a field.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        let info = FieldInfo { name, kind: T::KIND, help, query: false };
        Self { info, typed: PhantomData }
    }

    /// Marks it as one for reads and listings, which take it from the query.
    #[must_use]
    pub const fn query(mut self) -> Self {
        self.info.query = true;
        self
    }
}

/// The types of fields; conversions are as lenient as Vault's (numbers as text and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// true or false.
    Bool,
    /// A duration: seconds, or Go's form (`1h30m`); never negative.
    Duration,
    /// As `Duration`, negative too.
    SignedDuration,
    /// Whole numbers: an array, or text with commas.
    Ints,
    /// Texts: an array, or text with commas.
    List,
    /// Texts: an array, or one text as it is.
    Texts,
    /// Names with texts: an object, or as [`Kind::List`] with `name=text` each.
    Pairs,
    /// An object with values of any kind.
    Object,
    /// Any JSON.
    Any,
}

/// A type that a field can have.
pub trait FieldType: Sized {
    /// Its kind.
    const KIND: Kind;
    /// What it is read as.
    type Read<'a>;
    /// Reads it out of a converted value of that kind.
    fn read<'a>(value: &'a Converted<'_>) -> Option<Self::Read<'a>>;
}

/// Texts that no comma parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts(pub Vec<String>);

/// A value after conversion to its field's kind. What may be large is as it was sent, not copied.
#[derive(Clone, Debug, PartialEq)]
pub enum Converted<'s> {
    /// Of [`Kind::Text`].
    Text(String),
    /// Of [`Kind::Int`].
    Int(i64),
    /// Of [`Kind::Float`].
    Float(f64),
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Duration`].
    Duration(Duration),
    /// Of [`Kind::SignedDuration`].
    SignedDuration(Ttl),
    /// Of [`Kind::Ints`].
    Ints(Vec<i64>),
    /// Of [`Kind::List`].
    List(Vec<String>),
    /// Of [`Kind::Texts`].
    Texts(Texts),
    /// Of [`Kind::Pairs`]; `None` when null was sent.
    Pairs(Option<BTreeMap<String, String>>),
    /// Of [`Kind::Object`]; `None` when null was sent.
    Object(Option<Cow<'s, Map<String, Value>>>),
    /// Of [`Kind::Any`].
    Any(Cow<'s, Value>),
}

impl FieldType for String {
    const KIND: Kind = Kind::Text;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::Text(inner) = value { Some(inner) } else { None }
    }
}

impl FieldType for i64 {
    const KIND: Kind = Kind::Int;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::Int(inner) = value { Some(inner) } else { None }
    }
}

impl FieldType for f64 {
    const KIND: Kind = Kind::Float;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::Float(inner) = value { Some(inner) } else { None }
    }
}

impl FieldType for bool {
    const KIND: Kind = Kind::Bool;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::Bool(inner) = value { Some(inner) } else { None }
    }
}

impl FieldType for Duration {
    const KIND: Kind = Kind::Duration;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::Duration(inner) = value { Some(inner) } else { None }
    }
}

impl FieldType for Ttl {
    const KIND: Kind = Kind::SignedDuration;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::SignedDuration(inner) = value { Some(inner) } else { None }
    }
}

impl FieldType for Vec<i64> {
    const KIND: Kind = Kind::Ints;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::Ints(inner) = value { Some(inner) } else { None }
    }
}

impl FieldType for Vec<String> {
    const KIND: Kind = Kind::List;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::List(inner) = value { Some(inner) } else { None }
    }
}

impl FieldType for Texts {
    const KIND: Kind = Kind::Texts;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::Texts(inner) = value { Some(inner) } else { None }
    }
}

impl FieldType for Option<BTreeMap<String, String>> {
    const KIND: Kind = Kind::Pairs;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::Pairs(inner) = value { Some(inner) } else { None }
    }
}

impl FieldType for Option<Map<String, Value>> {
    const KIND: Kind = Kind::Object;
    type Read<'a> = Option<&'a Map<String, Value>>;
    fn read<'a>(value: &'a Converted<'_>) -> Option<Self::Read<'a>> {
        if let Converted::Object(inner) = value { Some(inner.as_deref()) } else { None }
    }
}

impl FieldType for Value {
    const KIND: Kind = Kind::Any;
    type Read<'a> = &'a Self;
    fn read<'a>(value: &'a Converted<'_>) -> Option<&'a Self> {
        if let Converted::Any(inner) = value { Some(inner) } else { None }
    }
}

/// The fields of one request, converted and checked against its route's declarations.
#[derive(Default)]
pub struct Fields<'s>(BTreeMap<&'static str, Converted<'s>>);

impl<'s> Fields<'s> {
    /// Converts what was sent of the declared fields; what is not declared is ignored, as Vault
    /// does. The first field that cannot be converted is the error.
    pub fn convert(
        declared: &[&FieldInfo],
        mut sent: impl FnMut(&str) -> Option<Cow<'s, Value>>,
    ) -> Result<Self, ConvertError> {
        let mut fields = BTreeMap::new();
        for info in declared {
            if let Some(value) = sent(info.name)
                && let Some(converted) = convert::convert(info, value)?
            {
                fields.insert(info.name, converted);
            }
        }
        Ok(Self(fields))
    }

    /// The value of a field, when it was sent.
    pub fn get<T: FieldType>(&self, field: &Field<T>) -> Option<T::Read<'_>> {
        self.0.get(field.info.name).and_then(T::read)
    }

    /// The value of a field that the path pattern captures, or that must be sent.
    pub fn need<T: FieldType>(&self, field: &Field<T>) -> Result<T::Read<'_>, Fault> {
        self.get(field).ok_or_else(|| Fault::bad_request(format!("missing {}", field.info.name)))
    }
}
