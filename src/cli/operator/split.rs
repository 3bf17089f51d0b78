//! How a key is split into shares, as options.

use argh::{ArgsInfo, FromArgs};

use crate::base::golang;

/// Key Options
#[derive(FromArgs, ArgsInfo)]
pub struct Split {
    /// how many shares the new key is split into (5)
    #[argh(option, short = 'n', arg_name = "int", from_str_fn(golang::parse_int))]
    pub key_shares: Option<i64>,
    /// how many of them unseal (3)
    #[argh(option, short = 't', arg_name = "int", from_str_fn(golang::parse_int))]
    pub key_threshold: Option<i64>,
}
