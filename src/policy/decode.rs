//! A block's fields, read as HashiCorp's reader fills Go's structures: what is named several times
//! adds up or the last one counts, a number is text too, and the refusals are its own.

use serde_json::{Map, Number, Value as Json};

use crate::base::hcl::{Body, Error, Item, Kind, Position, Value};

/// The last value of a field.
pub fn value<'b>(body: &'b Body, name: &str) -> Option<&'b Value> {
    named(body, name).last().map(|item| &item.value)
}

/// A field of text.
pub fn text(body: &Body, name: &str) -> Result<Option<String>, Error> {
    let mut last = None;
    for item in named(body, name) {
        last = Some(as_text(&item.value, || format!("root.{name}"), "*ast.ObjectList")?);
    }
    Ok(last)
}

/// A field of a list of texts.
pub fn texts(body: &Body, name: &str) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    for item in named(body, name) {
        for (index, element) in elements(item)?.into_iter().enumerate() {
            let place = || format!("root.{name}[{index}]");
            match element {
                Element::Value(value) => texts.push(as_text(value, place, "*ast.ObjectType")?),
                Element::Member(at) => return Err(no_text(at, &place(), "*ast.ObjectItem")),
            }
        }
    }
    Ok(texts)
}

/// A field of an object whose members are lists, in the order of the text.
pub fn lists(body: &Body, name: &str) -> Result<Vec<(String, Vec<Json>)>, Error> {
    let mut lists = Vec::new();
    for item in named(body, name) {
        if let Some(label) = item.labels.first() {
            lists.push((label.text.clone(), vec![json(&item.value)]));
            continue;
        }
        let Kind::Object(members) = &item.value.kind else {
            let what = go_type(&item.value, "*ast.ObjectType");
            let what = format!("root.{name}: not an object type for map ({what})");
            return Err(Error::new(item.value.at, what));
        };
        for member in &members.items {
            let values = match (&member.value.kind, member.labels.is_empty()) {
                (Kind::List(values), true) => values.iter().map(json).collect(),
                (Kind::Object(_), _) => vec![json(&member.value)],
                _ => return Err(no_list(&member.value)),
            };
            lists.push((member.key.text.clone(), values));
        }
    }
    Ok(lists)
}

/// The blocks of a name that have a label, or the members of the objects of that name.
pub fn blocks<'b>(body: &'b Body, name: &str) -> Vec<(&'b str, &'b Value)> {
    let mut blocks = Vec::new();
    for item in named(body, name) {
        match (&item.labels.first(), &item.value.kind) {
            (Some(label), _) => blocks.push((label.text.as_str(), &item.value)),
            (None, Kind::Object(members)) => {
                let member = |member: &'b Item| (member.key.text.as_str(), &member.value);
                blocks.extend(members.items.iter().map(member));
            }
            (None, _) => {}
        }
    }
    blocks
}

/// The items of an object; none of anything else.
pub fn object(value: &Value) -> Option<&Body> {
    match &value.kind {
        Kind::Object(body) => Some(body),
        _ => None,
    }
}

/// What Go's reader calls a value.
pub fn go_type(value: &Value, object: &'static str) -> &'static str {
    match value.kind {
        Kind::List(_) => "*ast.ListType",
        Kind::Object(_) => object,
        Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => "*ast.LiteralType",
    }
}

fn named<'b>(body: &'b Body, name: &str) -> impl Iterator<Item = &'b Item> {
    body.items.iter().filter(move |item| item.key.text == name)
}

/// What a list holds: a value, or a member of the object that stands for it.
enum Element<'b> {
    Value(&'b Value),
    Member(Position),
}

fn elements(item: &Item) -> Result<Vec<Element<'_>>, Error> {
    if let Some(label) = item.labels.first() {
        return Ok(vec![Element::Member(label.at)]);
    }
    match &item.value.kind {
        Kind::List(values) => Ok(values.iter().map(Element::Value).collect()),
        Kind::Object(body) => {
            Ok(body.items.iter().map(|member| Element::Member(member.key.at)).collect())
        }
        _ => Err(no_list(&item.value)),
    }
}

fn as_text(
    value: &Value,
    place: impl Fn() -> String,
    object: &'static str,
) -> Result<String, Error> {
    match &value.kind {
        Kind::Number(text) | Kind::Text(text) => Ok(text.clone()),
        _ => Err(no_text(value.at, &place(), go_type(value, object))),
    }
}

fn no_text(at: Position, place: &str, what: &str) -> Error {
    Error::new(at, format!("{place}: unknown type for string {what}"))
}

fn no_list(value: &Value) -> Error {
    Error::new(value.at, format!("unknown slice type: {}", go_type(value, "*ast.ObjectType")))
}

/// A value as JSON.
fn json(value: &Value) -> Json {
    match &value.kind {
        Kind::Bool(flag) => Json::Bool(*flag),
        Kind::Text(text) => Json::String(text.clone()),
        Kind::Number(text) => {
            let whole = value.integer().map(Number::from);
            let number = whole.or_else(|| text.parse().ok().and_then(Number::from_f64));
            number.map_or(Json::Null, Json::Number)
        }
        Kind::List(values) => values.iter().map(json).collect(),
        Kind::Object(body) => {
            let member = |item: &Item| (item.key.text.clone(), json(&item.value));
            Json::Object(body.items.iter().map(member).collect::<Map<_, _>>())
        }
    }
}
