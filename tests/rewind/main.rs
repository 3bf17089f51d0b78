//! Rewinding: a store as it was at any instant that a target leads to.

mod branch;
mod clock;
mod command;
mod damage;
mod history;
mod junk;
mod left;
mod meanwhile;
mod model;
mod returning;
mod served;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod twins;
mod year;
