//! `kv enable-versioning`: version 2 of the engine for a mount of version 1.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// Turn versioning on for a mount. There is no way back.
#[derive(FromArgs, ArgsInfo)]
pub struct EnableVersioning {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for EnableVersioning {
    const OPERANDS: &'static str = "MOUNT";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let mount = operands::path(operands::one(&self.operands)?);
        let call = Call::new(Verb::Post, format!("sys/mounts/{mount}/tune"))
            .with_body(json!({ "options": { "version": "2" } }));
        let doing = format!("Error tuning secrets engine {mount}/");
        cx.order(call).map_err(|stop| stop.about(&doing))?;
        cx.done(&format!("Tuned the secrets engine at: {mount}/"))?;
        Ok(Exit::Done)
    }
}
