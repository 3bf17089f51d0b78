//! Identity tokens: signed statements (JSON Web Tokens, RFC 7519) of who an entity is, for services
//! that know nothing of us but our public keys.
//!
//! A **role** says what is stated, to whom and for how long; its **key** signs. A key is a ring:
//! one that signs, the next one, published before it is used, and those that signed before, as
//! long as what they signed is to be verified.
//!
//! ```text
//! oidc/config                config::Config
//! oidc/key/NAME              key::Key, with the private halves
//! oidc/ring/NAME/KEY_ID      Mark
//! oidc/public/KEY_ID         key::Published
//! oidc/role/NAME             role::Role
//! oidc/role-of/KEY/NAME      Mark
//! ```

pub mod config;
pub mod key;
pub mod ring;
pub mod role;
pub mod rotation;
pub mod stock;
mod template;
pub mod token;
#[cfg(test)]
mod tests;
