//! How an endpoint is declared, called and answered.

pub mod reply;
pub mod request;
