//! Policies: what a token may do. Their language, and the question that each request asks of them.
//!
//! A policy's text is read once ([`parse`]) and compiled into [`rules`] that find the most specific
//! path without allocating; [`cache`] keeps what was compiled by the hash of the text, so that a
//! request, which reads only the hashes of its token's policies, sees those of its own instant. An
//! [`acl::Acl`] is the rules of a token's policies side by side: rules of several policies for the
//! same path are summed when they are asked, so nothing is made anew for each set of policies.
//!
//! ```text
//! let acl = policies.acl(txn, &names, &mut subject)?;
//! let question = Question { capability: Capability::Read, path, wrap_ttl: None };
//! let decision = acl.check(&question, || data.get())?;
//! ```

pub mod acl;
pub mod builtin;
pub mod cache;
pub mod capability;
mod control_group;
mod decode;
pub mod grant;
pub mod meters;
pub mod name;
mod names;
pub mod parse;
pub mod password;
pub mod rank;
mod resultant;
pub mod rules;
pub mod sent;
pub mod store;
pub mod template;
