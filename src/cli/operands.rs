//! How many operands a command takes, said as Vault says it.

use super::stop::Stop;

/// Exactly one operand.
pub fn one(operands: &[String]) -> Result<&str, Stop> {
    exactly(operands).map(|[one]: &[String; 1]| one.as_str())
}

/// No operand.
pub fn none(operands: &[String]) -> Result<(), Stop> {
    exactly(operands).map(|[]: &[String; 0]| ())
}

/// Exactly two operands.
pub fn two(operands: &[String]) -> Result<[&str; 2], Stop> {
    exactly(operands).map(|[one, two]: &[String; 2]| [one.as_str(), two.as_str()])
}

/// At most one operand; `expected` is how the command words that.
pub fn at_most_one<'a>(operands: &'a [String], expected: &str) -> Result<Option<&'a str>, Stop> {
    match operands {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        more => Err(wrong("Too many", expected, more.len())),
    }
}

/// One operand and what follows it.
pub fn first<'a>(operands: &'a [String], expected: &str) -> Result<(&'a str, &'a [String]), Stop> {
    match operands.split_first() {
        Some((first, rest)) => Ok((first, rest)),
        None => Err(wrong("Not enough", expected, 0)),
    }
}

fn exactly<const N: usize>(operands: &[String]) -> Result<&[String; N], Stop> {
    let few = if operands.len() < N { "Not enough" } else { "Too many" };
    operands.try_into().map_err(|_| wrong(few, &N.to_string(), operands.len()))
}

/// `Too many arguments (expected 1, got 2)`.
pub fn wrong(what: &str, expected: &str, got: usize) -> Stop {
    Stop::Usage(format!("{what} arguments (expected {expected}, got {got})"))
}

/// A path without white space around it and slashes at its ends.
pub fn path(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix('/').unwrap_or(text);
    text.strip_suffix('/').unwrap_or(text).to_owned()
}
