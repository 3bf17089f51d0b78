//! `snapshot restore -target`: back to any instant that a target leads to.

use std::path::Path;

use serde_json::Value;

use super::instant;
use super::place;
use super::restore::{Restore, refused};
use super::state::{warn_of, warn_of_end, warn_of_history};
use super::target::text;
use super::wait::Patience;
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};
use crate::node::offline;
use crate::snapshot::rewind::Source;
use crate::snapshot::rewind::plan::Wish;

const RESTORING: &str = "Error restoring from the target";

impl Restore {
    /// Restores from a target: into a server, or with `-into` without one.
    pub(super) fn rewind(&self, cx: &mut Context, target: &str) -> Result<Exit, Stop> {
        let wish = self.wish()?;
        if self.into.is_none() && !self.config.is_empty() {
            return Err(Stop::Usage(
                "-config is for -into, which names the folder of the store: without it the server \
                 that runs is restored, which knows the target by itself"
                    .into(),
            ));
        }
        match self.into.as_deref() {
            Some(folder) => self.rewind_into(cx, target, &wish, folder),
            None => self.rewind_server(cx, target, &wish),
        }
    }

    fn wish(&self) -> Result<Wish, Stop> {
        let given = match &self.operands[..] {
            [] => self.at.as_deref(),
            [one] if self.at.is_none() => Some(one.as_str()),
            _ => return Err(instant::twice()),
        };
        let at = instant::at(given, self.revision)?.ok_or_else(instant::which)?;
        Ok(Wish { at, timeline: instant::timeline(self.timeline.as_deref())? })
    }

    fn rewind_server(&self, cx: &mut Context, target: &str, wish: &Wish) -> Result<Exit, Stop> {
        let mut body = instant::fields(wish);
        if let Some(store) = &self.store {
            body.insert("store_id".into(), store.as_str().into());
        }
        let flags = [
            ("dry_run", self.dry_run),
            ("force", self.force),
            ("revoke_tokens", self.revoke_tokens),
        ];
        for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
            body.insert(name.into(), true.into());
        }
        let path = format!("sys/snapshots/targets/{target}/restore");
        let call = Call::new(Verb::Post, path).with_body(body.into());
        let answer = Patience::of(self.wait)
            .lasts_while_away(cx, target, |cx| cx.send(call.clone()))
            .map_err(|stop| refused(stop, RESTORING))?;
        let mut data = answer.body["data"].clone();
        if cx.format == Format::Table {
            if let Some(answer) = Envelope::of(&answer) {
                answer.warn(cx);
            }
        } else if let Value::Object(data) = &mut data {
            data.insert("warnings".into(), answer.body["warnings"].clone());
        }
        self.report(cx, &data, "the server")
    }

    fn rewind_into(
        &self,
        cx: &mut Context,
        target: &str,
        wish: &Wish,
        into: &str,
    ) -> Result<Exit, Stop> {
        self.must_revoke_nothing()?;
        let failed = |error: &dyn std::fmt::Display| Stop::Failed(format!("{RESTORING}: {error}"));
        let place = place::find(target, &self.config)?;
        Patience::of(self.wait).lasts_until(cx, [(target, &place.target)])?;
        let folder = place::store(cx, &place, self.store.as_deref())?;
        let source = Source { target: &*place.target, folder: &folder };
        let reached = offline::prepare_rewind(source, wish, Path::new(into));
        let mut reached = reached.map_err(|error| failed(&error))?;
        if !self.dry_run {
            let done = offline::rewind(&mut reached.prepared, Path::new(into), self.force);
            done.map_err(|error| failed(&error))?;
        }
        let mut told = reached.told();
        told.insert("store_id".into(), folder.store_id().into());
        for name in ["restored", "sealed"] {
            told.insert(name.into(), (!self.dry_run).into());
        }
        self.report(cx, &told.into(), into)
    }

    /// Tells what came of it, or what would.
    fn report(&self, cx: &mut Context, data: &Value, into: &str) -> Result<Exit, Stop> {
        if cx.format != Format::Table {
            cx.say_value(data)?;
            return Ok(Exit::Done);
        }
        let text = |name: &str| text(&data[name]);
        warn_of(cx, &data["unusable"]);
        warn_of_end(cx, data);
        warn_of_history(cx, data);
        let (revision, time, timeline) = (text("revision"), text("time"), text("timeline"));
        let did = if self.dry_run { "Would restore" } else { "Success! Restored" };
        cx.say(&format!("{did} revision {revision} ({time}) of timeline {timeline} into {into}"))?;
        cx.say(&format!(
            "From the snapshot of revision {} ({}) and {} segments of the journal",
            text("snapshot_revision"),
            text("snapshot_time"),
            text("segments")
        ))?;
        self.say_returning(cx, data)?;
        if data["sealed"] == true {
            cx.say("It is sealed: unseal it with its own unseal keys (edgekeep operator unseal)")?;
        }
        Ok(Exit::Done)
    }
}
