//! What is written down of each request.

pub mod headers;
