//! `kv list`: the keys below a path.

use argh::{ArgsInfo, FromArgs};

use super::place::{Below, Place};
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::recover::InSnapshot;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{list, operands};

/// The command with all its options.
pub type List = With<Own, With<InSnapshot, Below>>;

/// List keys.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for List {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let path = match (&self.more.more.mount, self.own.operands.as_slice()) {
            (Some(mount), []) if !mount.is_empty() => "",
            (_, operands) => operands::one(operands)?,
        };
        let place = Place::find(cx, self.more.more.mount.as_deref(), path)?;
        list::names(cx, &place.path("metadata"), self.more.own)
    }
}
