//! `secrets tune`: changes how a secrets engine is mounted.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::mounts::Table;
use crate::cli::mounts::options::{Tuning, given};
use crate::cli::stop::{Exit, Stop};

/// The command with all its options.
pub type Tune = With<Own, Tuning>;

/// Change how a secrets engine is mounted; what is not given stays.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// managed key that it may use; may be given more than once
    #[argh(option, arg_name = "string")]
    allowed_managed_keys: Vec<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Tune {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let Own { allowed_managed_keys, operands } = self.own;
        let config = given("allowed_managed_keys", &allowed_managed_keys).into_iter().collect();
        Table::Secrets.tune(cx, &operands, self.more.body(config))
    }
}
