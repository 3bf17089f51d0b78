//! `policy write`: makes a policy or changes it.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{data, operands, stdin};
use crate::client::Call;

/// Upload a policy from a file.
///
/// The FILE - reads it from stdin. Names of policies are in small letters.
#[derive(FromArgs, ArgsInfo)]
pub struct Write {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Write {
    const OPERANDS: &'static str = "NAME FILE";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let [given, path] = operands::two(&self.operands)?;
        let text = match path.trim() {
            "-" => {
                stdin::everything().map_err(|e| Stop::Failed(format!("Error reading policy: {e}")))
            }
            path => data::file(path)
                .map_err(|e| Stop::Failed(format!("Error opening policy file: {e}"))),
        }?;
        let name = super::name(given);
        cx.order(Call::put(super::path(&name), json!({ "policy": text })))
            .map_err(|stop| stop.about("Error uploading policy"))?;
        if name != given {
            cx.warn(&format!("Policy name was converted from {given:?} to {name:?}"));
        }
        cx.done(&format!("Uploaded policy: {name}"))?;
        Ok(Exit::Done)
    }
}
