//! Rewinding: a store as it was at any instant that a target leads to.

mod damage;
mod history;
mod model;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod year;
