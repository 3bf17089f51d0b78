//! The server as a service: what it tells the service manager, the sockets that it is handed, and
//! the units and the configuration that it comes with. `boot` beside this file runs it under a real
//! systemd.

#[path = "../support/mod.rs"]
mod support;

mod activation;
mod example;
mod manager;
mod notify;
mod units;
