//! Places that hold snapshots, the real thing each: what all of them must do, and what happens
//! when one is full, read-only or taken away in the middle.

mod crowded;
mod folder;
mod silent;
mod trouble;
mod usb;

#[path = "../support/mod.rs"]
mod support;
