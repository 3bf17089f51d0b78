//! The one outbound HTTPS client.
//!
//! [`http`] speaks to any server: streams up and down, plain, TLS and Unix sockets. [`api`] is
//! Vault's API upon it: token, namespace, JSON, errors, redirects. [`settings`] reads the
//! environment.

pub mod address;
pub mod api;
mod connect;
mod end;
pub mod error;
pub mod http;
mod proxy;
pub mod settings;
pub mod tls;
mod verifier;

pub use address::Address;
pub use api::{Answer, Call, Client, Verb};
pub use end::End;
pub use error::{Error, Refusal};
pub use settings::{Settings, SettingsError};
