//! `lease renew`: a lease for longer.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use crate::base::ttl::Ttl;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values;
use crate::client::Call;

/// Renew a lease, so that it lasts longer. That of a token is renewed by `token renew`.
#[derive(FromArgs, ArgsInfo)]
pub struct Renew {
    /// how long it is to last from now; the server may give less
    #[argh(option, arg_name = "duration", from_str_fn(values::parse_ttl))]
    increment: Option<Ttl>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Renew {
    const OPERANDS: &'static str = "ID";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let id = super::id(&self.operands, "1-2")?;
        let increment = self.increment.unwrap_or_default().as_secs();
        let body = json!({ "lease_id": id, "increment": increment });
        let call = Call::put("sys/leases/renew", body);
        cx.show(call, &format!("Error renewing {id}"), Envelope::is_lease)
    }
}
