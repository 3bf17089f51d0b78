//! `lease lookup`: how long a lease lasts.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};
use crate::client::Call;

/// Look at a lease: when it was given, when it ends.
#[derive(FromArgs, ArgsInfo)]
pub struct Lookup {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Lookup {
    const OPERANDS: &'static str = "ID";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let id = super::id(&self.operands, "1")?;
        let call = Call::put("sys/leases/lookup", json!({ "lease_id": id }));
        cx.show(call, &format!("error looking up lease id {id}"), |found| {
            found.data["id"].is_string()
        })
    }
}
