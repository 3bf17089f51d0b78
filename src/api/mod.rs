//! How an endpoint is declared, called and answered.
//!
//! An engine is one static table of [`route::Route`]s and the service its handlers are given.
//! Routing, validation, who may call, `?help=1` and the OpenAPI document are derived from that
//! table.

pub mod ask;
pub mod call;
pub mod convert;
pub mod custom;
pub mod difference;
pub mod effect;
pub mod engine;
pub mod field;
pub mod help;
pub mod login;
pub mod openapi;
pub mod pattern;
pub mod reply;
pub mod request;
pub mod route;
pub mod strict;

/// The version of Vault whose API is followed, as clients compare versions, and our own behind it.
pub const VERSION: &str = concat!("1.10.0+edgekeep.", env!("CARGO_PKG_VERSION"));
