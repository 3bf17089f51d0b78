//! Leaves that every layer may use.
//!
//! The machine: [`variable`], [`clock`], [`timekeeper`], [`entropy`], [`pages`], [`process`],
//! [`sync`], [`turns`], [`room`], [`bounded`], [`quiet`], [`logs`], [`systemd`]. What is counted:
//! [`meter`]. Values: [`secret`], [`credential`], [`password`], [`ttl`], [`cidr`], [`fault`],
//! [`digest`], [`signature`]. Forms that are read and written: [`record`], [`header`], [`hex`],
//! [`url`], [`golang`], [`hcl`], [`json`], [`jose`], [`merge_patch`], [`openpgp`], [`pem`]. Words:
//! [`nearest`], [`policies`], [`said`], [`shell`].

pub mod bounded;
pub mod cidr;
pub mod clock;
pub mod credential;
pub mod digest;
pub mod entropy;
pub mod fault;
pub mod golang;
pub mod hcl;
pub mod header;
pub mod hex;
pub mod jose;
pub mod json;
pub mod keyed;
pub mod logs;
pub mod merge_patch;
pub mod meter;
pub mod nearest;
pub mod openpgp;
pub mod pages;
pub mod password;
pub mod pem;
pub mod policies;
pub mod process;
pub mod quiet;
pub mod record;
pub mod room;
pub mod said;
pub mod secret;
pub mod shell;
pub mod signature;
pub mod sync;
pub mod systemd;
pub mod timekeeper;
pub mod ttl;
pub mod turns;
pub mod url;
pub mod variable;
pub mod varint;
