//! `operator rotate`: a new data key for what is written from now on.

use argh::{ArgsInfo, FromArgs};

use super::key_status;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Rotate the data key: what is written from now on is encrypted with a new one.
///
/// The unseal keys stay as they are; `operator rekey` changes those.
#[derive(FromArgs, ArgsInfo)]
pub struct Rotate {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Rotate {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        let rotated = cx.order(Call::new(Verb::Post, "sys/rotate"));
        let rotated = rotated.map_err(|stop| stop.about("Error rotating key"))?;
        let status = key_status::read(cx)?;
        if cx.format == Format::Table {
            cx.say(&format!("Success! Rotated key\n\n{}", key_status::told(&status)))?;
        } else {
            cx.say_value(&key_status::value(&status))?;
        }
        cx.pass_on(&rotated.body);
        Ok(Exit::Done)
    }
}
