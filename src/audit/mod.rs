//! What is written down of each request: an entry before it is carried out, and one of its answer
//! before that is sent. Where no device takes an entry, there is no request, or no answer.

pub mod client;
mod device;
pub mod devices;
mod durable;
pub mod entry;
mod file;
pub mod headers;
mod json;
mod jsonx;
mod mask;
mod meters;
mod options;
mod socket;
pub mod store;
mod syslog;
