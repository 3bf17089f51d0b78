//! The server as a service: what it tells the service manager, and the sockets that it is handed.

#[path = "../support/mod.rs"]
mod support;

mod activation;
mod manager;
mod notify;
