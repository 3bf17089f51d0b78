//! `auth help`: how one logs in by an auth method.

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::login::method::Method;
use crate::cli::mounts::Table;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};

/// Tell how one logs in by an auth method, named by its type or by its path.
#[derive(FromArgs, ArgsInfo)]
pub struct Help {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Help {
    const OPERANDS: &'static str = "TYPE | PATH";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let name = operands::one(&self.operands)?.trim();
        let method = match Method::find(name) {
            Some(method) => method,
            None => mounted(cx, name)?,
        };
        cx.say(&method.help())?;
        Ok(Exit::Done)
    }
}

/// The method that is mounted at a path.
fn mounted(cx: &mut Context, path: &str) -> Result<&'static Method, Stop> {
    let path = format!("{}/", operands::path(path));
    let mounts = cx.ask(&Table::Auth.read());
    let mounts = mounts.map_err(|stop| stop.about("Error listing auth methods"))?;
    let Some(kind) = mounts.body["data"][&path]["type"].as_str() else {
        let text = format!("No auth method available on the server at {path:?}");
        return Err(Stop::Usage(text));
    };
    let none = format!("No method-specific CLI handler available for auth method {kind:?}");
    Method::find(kind).ok_or(Stop::Failed(none))
}
