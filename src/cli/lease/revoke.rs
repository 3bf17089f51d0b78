//! `lease revoke`: ends leases.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::progress::Progress;
use crate::cli::stop::{Exit, Stop};
use crate::client::Call;

/// Revoke a lease, or with -prefix all leases below a path.
#[derive(FromArgs, ArgsInfo)]
pub struct Revoke {
    /// take ID for a path, and revoke every lease below it
    #[argh(switch)]
    prefix: bool,
    /// with -prefix: forget the leases even where they cannot be revoked
    #[argh(switch, short = 'f')]
    force: bool,
    /// wait until it is done
    #[argh(switch)]
    sync: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Revoke {
    const OPERANDS: &'static str = "ID";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let id = operands::one(&self.operands)?.trim();
        let Self { prefix, force, sync, .. } = self;
        let (endpoint, doing) = match (prefix, force) {
            (false, true) => {
                let text = "Specifying -force requires also specifying -prefix";
                return Err(Stop::Usage(text.into()));
            }
            (false, false) => ("revoke", "Error revoking lease"),
            (true, false) => ("revoke-prefix", "Error revoking leases with prefix"),
            (true, true) => ("revoke-force", "Error force revoking leases with prefix"),
        };
        if force {
            cx.warn(
                "Warning! Force-removing leases can cause Edgekeep to become out of sync with \
                 secret engines!",
            );
        }
        let call = Call::put(format!("sys/leases/{endpoint}/{id}"), json!({ "sync": sync }));
        let waits = (sync && !cx.is_dry()).then(|| Progress::waiting("Waiting for the revocation"));
        let sent = cx.order(call);
        drop(waits);
        sent.map_err(|stop| stop.about(&format!("{doing} {id}")))?;
        match (prefix, force, sync) {
            (_, true, _) => cx.done(&format!("Force revoked any leases with prefix: {id}"))?,
            (true, false, true) => cx.done(&format!("Revoked any leases with prefix: {id}"))?,
            (false, false, true) => cx.done(&format!("Revoked lease: {id}"))?,
            (_, false, false) => cx.tell("All revocation operations queued successfully!")?,
        }
        Ok(Exit::Done)
    }
}
