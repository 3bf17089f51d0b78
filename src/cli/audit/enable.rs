//! `audit enable`: a device that each request and answer is told to.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{data, operands};
use crate::client::Call;

/// Enable an audit device.
///
/// TYPE is file, syslog or socket. The device's options are key=value: file_path for a file,
/// address for a socket; `path-help sys/audit/x` tells them all.
#[derive(FromArgs, ArgsInfo)]
pub struct Enable {
    /// name of the device; else its type
    #[argh(option, arg_name = "string")]
    path: Option<String>,
    /// what it is for, for people
    #[argh(option, arg_name = "string")]
    description: Option<String>,
    /// do not replicate it
    #[argh(switch)]
    local: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

/// The types that there are.
const DEVICES: [&str; 3] = ["file", "socket", "syslog"];

impl Command for Enable {
    const OPERANDS: &'static str = "TYPE [CONFIG K=V...]";
    const SHARED: Shared = Shared::Http;
    const CHOICES: fn() -> Vec<&'static str> = || DEVICES.to_vec();

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let Some((kind, pairs)) = self.operands.split_first() else {
            return Err(Stop::Usage(
                "Error enabling audit device: audit type missing. Valid types include 'file', \
                 'socket' and 'syslog'."
                    .into(),
            ));
        };
        let kind = kind.trim();
        let path = operands::path(self.path.as_deref().unwrap_or(kind));
        let body = json!({
            "type": kind,
            "description": self.description.unwrap_or_default(),
            "local": self.local,
            "options": data::texts(pairs)?,
        });
        let enabled = cx.order(Call::put(format!("sys/audit/{path}"), body));
        enabled.map_err(|stop| {
            let stop = stop.about("Error enabling audit device");
            let is_unknown = stop.says("unknown backend type");
            if is_unknown { stop.meant(kind, DEVICES) } else { stop }
        })?;
        cx.done(&format!("Enabled the {kind} audit device at: {path}/"))?;
        Ok(Exit::Done)
    }
}
