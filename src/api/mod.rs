//! How an endpoint is declared, called and answered.
//!
//! An engine is one static table of [`route::Route`]s and the service its handlers are given.
//! Routing, validation, who may call and `?help=1` are derived from that table.

pub mod ask;
pub mod call;
pub mod convert;
pub mod custom;
pub mod engine;
pub mod field;
pub mod help;
pub mod login;
pub mod pattern;
pub mod reply;
pub mod request;
pub mod route;
pub mod strict;
