//! `import`: what a running Vault or OpenBao holds, into this server.
//!
//! [`source`] is where from, [`job`] the import under way; a file for each kind of thing brings it.
//! Each thing is read there and here, and by how it stands here ([`ends`]) it is made, left or
//! replaced, in one request: so that it is whole or absent, and the same command goes on where
//! another ended.

mod absent;
mod config;
mod ends;
mod history;
mod job;
mod kv1;
mod kv2;
mod mounts;
mod place;
mod policies;
mod report;
mod roles;
mod server;
mod settings;
mod source;
mod terms;
mod tree;
mod tuning;
mod users;

use std::sync::{Arc, Mutex};

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use self::ends::Ends;
use self::job::{Ended, Job};
use self::report::{Fate, Report};
use self::server::Server;
use super::command::{Command, Shared};
use super::context::Context;
use super::format::Format;
use super::progress::Progress;
use super::stop::{Exit, Stop};
use super::table;
use super::{interrupt, operands, plain};

const NEVER: &str =
    "Tokens, leases and cubbyholes never come: whoever used a token there logs in here.";

const GOES_ON: &str = "What came is whole, what did not come is absent. Run the same command \
                       again: what is here already is passed over.";

const CONFLICTS: &str = "\
What differs here was left as it is; -overwrite replaces it by what is there.";

/// Bring over what a running Vault or OpenBao holds.
///
/// Policies, kv secrets with all their versions, userpass and approle, from the server that
/// -from-address names into this one. The other server is only read. It can be run again at any
/// time: it goes on where it ended, and brings what is new there. Its token is in
/// EDGEKEEP_FROM_TOKEN or a file, or is asked for.
#[derive(FromArgs, ArgsInfo)]
pub struct Import {
    /// address of the server to import from (EDGEKEEP_FROM_ADDR)
    #[argh(option, arg_name = "string")]
    from_address: Option<String>,
    /// file that holds a token for it, - for stdin; else EDGEKEEP_FROM_TOKEN is it
    #[argh(option, arg_name = "file")]
    from_token_file: Option<String>,
    /// PEM file of the authorities that may have signed its certificate (EDGEKEEP_FROM_CACERT)
    #[argh(option, arg_name = "file")]
    from_ca_cert: Option<String>,
    /// folder of such files (EDGEKEEP_FROM_CAPATH)
    #[argh(option, arg_name = "folder")]
    from_ca_path: Option<String>,
    /// PEM file of a client's certificate for it (EDGEKEEP_FROM_CLIENT_CERT)
    #[argh(option, arg_name = "file")]
    from_client_cert: Option<String>,
    /// PEM file of that certificate's key (EDGEKEEP_FROM_CLIENT_KEY)
    #[argh(option, arg_name = "file")]
    from_client_key: Option<String>,
    /// name that its certificate must bear (EDGEKEEP_FROM_TLS_SERVER_NAME)
    #[argh(option, arg_name = "string")]
    from_tls_server_name: Option<String>,
    /// believe any certificate of it: only ever for a try (EDGEKEEP_FROM_SKIP_VERIFY)
    #[argh(option, arg_name = "bool")]
    from_tls_skip_verify: Option<bool>,
    /// namespace there that is imported (EDGEKEEP_FROM_NAMESPACE)
    #[argh(option, arg_name = "string")]
    from_namespace: Option<String>,
    /// tell what would come, and change nothing
    #[argh(switch)]
    dry_run: bool,
    /// replace what differs here by what is there
    #[argh(switch)]
    overwrite: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Import {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        cx.never_dry("an import", "-dry-run tells what comes")?;
        let progress = Progress::counting("Importing", "things looked at", None);
        let progress = Arc::new(Mutex::new(progress));
        let (from, to) = (self.source(cx)?, cx.connect()?);
        let interrupted = interrupt::hear()?;
        let server = |client| Server::new(client, Arc::clone(&progress), Arc::clone(&interrupted));
        let (from, to) = (server(from), server(to));
        refuse_direction(&from, &to)?;
        let address = from.address();
        let Self { dry_run, overwrite, .. } = self;
        let ends = Ends { from, to, dry_run, overwrite, entropy: cx.entropy() };
        let mut job = Job::new(ends, progress);
        let stopped = job.run().err();
        let report = job.finish();
        let complete = stopped.is_none() && report.is_complete();
        let about = [
            ("from", Value::from(address.as_str())),
            ("dry_run", dry_run.into()),
            ("complete", complete.into()),
        ];
        report.print(cx, dry_run, &about, stopped.as_ref())?;
        if complete {
            if cx.format == Format::Table {
                cx.say(&format!("\n{}", table::wrap(NEVER, 0)))?;
            }
            if dry_run {
                cx.done("Nothing was changed: without -dry-run it comes")?;
            } else {
                cx.done(&format!("Imported from {address}"))?;
            }
            return Ok(Exit::Done);
        }
        cx.complain(&unfinished(&report, dry_run, stopped.as_ref()));
        Ok(match stopped {
            Some(Ended::Interrupted) => Exit::Usage,
            _ => Exit::Failed,
        })
    }
}

/// Says what is left to be done.
fn unfinished(report: &Report, dry_run: bool, stopped: Option<&Ended>) -> String {
    let mut texts = Vec::new();
    match stopped {
        Some(Ended::Broken(why)) => texts.push(format!("Stopped: {}", plain::line(why))),
        Some(Ended::Interrupted) => texts.push("Interrupted: what came until then.".into()),
        None => {}
    }
    let (failed, conflicts) = (report.count(Fate::Failed), report.count(Fate::Conflict));
    if failed > 0 {
        texts.push(format!("{failed} could not come."));
    }
    if dry_run {
        texts.push("Nothing was changed.".into());
    } else if stopped.is_some() || failed > 0 {
        texts.push(table::wrap(GOES_ON, 0));
    }
    if conflicts > 0 {
        texts.push(CONFLICTS.into());
    }
    texts.join("\n")
}

/// An import goes from one server into another, and that one takes histories.
fn refuse_direction(from: &Server, to: &Server) -> Result<(), Stop> {
    let about = |server: &Server| {
        server.about().map_err(|trouble| Stop::Failed(format!("Error importing: {trouble}")))
    };
    let (theirs, ours) = (about(from)?, about(to)?);
    if !theirs.cluster.is_empty() && theirs.cluster == ours.cluster {
        return Err(Stop::Usage(format!(
            "{} is the server that VAULT_ADDR or -address names: name another with -from-address",
            from.address()
        )));
    }
    if !ours.version.contains(env!("CARGO_PKG_NAME")) {
        return Err(Stop::Usage(format!(
            "{} is no Edgekeep, and an import goes into the server that VAULT_ADDR or -address \
             names; the one that it comes from is named with -from-address",
            to.address()
        )));
    }
    Ok(())
}
