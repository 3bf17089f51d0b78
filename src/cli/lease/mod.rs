//! `lease`: what lasts for a while only.

pub mod lookup;
pub mod renew;
pub mod revoke;

use super::operands;
use super::stop::Stop;

/// The one lease that is named; `most` is how the command words how many it takes.
fn id<'a>(operands: &'a [String], most: &str) -> Result<&'a str, Stop> {
    let id = operands::at_most_one(operands, most)?;
    id.map(str::trim).ok_or_else(|| Stop::Usage("Missing ID!".into()))
}
