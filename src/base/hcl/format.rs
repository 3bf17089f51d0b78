//! HCL in its one canonical layout, that of HashiCorp's printer, which `vault policy fmt` uses.
//!
//! - Two spaces for each level; strings, numbers and heredocs as they are written.
//! - An empty line between two entries, unless both take one line and the second stood right under
//!   the first; the `=` of such neighbours stand in one column, and so do the comments behind them.
//! - A list that was on one line stays there; any other has a line for each element.
//! - A comment stays where it is: behind its entry, right above it, or by itself between empty
//!   lines. One that stands between a key and its value goes above the entry; one that stands
//!   behind an opening bracket goes to the next line.
//!
//! HashiCorp's printer moves some of those comments to other entries, indents long ones anew each
//! time, leaves out the empty lines that follow one by itself, and turns `a {}` under an attribute
//! into `a = {}`: not so here. What is formatted says the same as before, and formatting it again
//! changes nothing.

mod print;
#[cfg(test)]
mod tests;
mod tree;

use super::{Error, Position};

/// Lays a text out anew; JSON, which has no comments to keep, is refused.
pub fn format(text: &str) -> Result<String, Error> {
    let document = super::parse(text)?;
    if let Some(doubt) = document.doubt {
        return Err(doubt);
    }
    if text.trim_start().starts_with('{') {
        return Err(Error::new(Position::START, "this is JSON, which is not formatted"));
    }
    let text = text.replace("\r\n", "\n");
    Ok(print::print(&tree::read(&text)?))
}
