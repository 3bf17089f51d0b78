//! What `secrets` and `auth` do alike, in the words of either.

pub mod list;
pub mod options;
pub mod remount;

use serde_json::Value;

use super::context::Context;
use super::envelope::Envelope;
use super::later;
use super::operands;
use super::stop::{Exit, Stop};
use super::values::items;
use crate::client::{Call, Verb};

/// Which mounts a command works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Those of secrets engines.
    Secrets,
    /// Those of auth methods.
    Auth,
}

impl Table {
    /// What is mounted.
    const fn noun(self) -> &'static str {
        match self {
            Self::Secrets => "secrets engine",
            Self::Auth => "auth method",
        }
    }

    /// The API's path of its mounts.
    pub const fn endpoint(self) -> &'static str {
        match self {
            Self::Secrets => "sys/mounts",
            Self::Auth => "sys/auth",
        }
    }

    /// Where its mounts are, seen from the whole server.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Secrets => "",
            Self::Auth => "auth/",
        }
    }

    /// What its types are called in the catalog of plugins.
    const fn plugins(self) -> &'static str {
        match self {
            Self::Secrets => "secret",
            Self::Auth => "auth",
        }
    }

    /// The call that reads them all.
    pub fn read(self) -> Call {
        Call::get(self.endpoint())
    }

    /// Whether an answer tells what is mounted where. Something always is.
    pub fn is_one(found: &Envelope) -> bool {
        let is_mount = |mount: &Value| mount["type"].is_string();
        let mounts = found.data.as_object().filter(|mounts| !mounts.is_empty());
        mounts.is_some_and(|mounts| mounts.values().all(is_mount))
    }

    /// Mounts what `body` describes.
    pub fn enable(self, cx: &mut Context, path: &str, body: Value) -> Result<(), Stop> {
        let path = format!("{}/{path}", self.endpoint());
        cx.order(Call::new(Verb::Post, path).with_body(body)).map(drop)
    }

    /// What is not there yet.
    const fn later(self) -> &'static [&'static str] {
        match self {
            Self::Secrets => later::ENGINES,
            Self::Auth => later::METHODS,
        }
    }

    /// Adds to the refusal of a type that the server has not that it comes later, or which of its
    /// own was probably meant.
    pub fn meant(self, cx: &mut Context, refused: Stop, kind: &str) -> Stop {
        if !refused.says("plugin not found in the catalog") {
            return refused;
        }
        if self.later().contains(&kind) {
            return refused.with(&format!("The {} {kind} comes later", self.noun()));
        }
        let call = Call::list(format!("sys/plugins/catalog/{}", self.plugins()));
        let Some(catalog) = cx.look_up(&call) else { return refused };
        let names = items(&catalog.body["data"]["keys"]).iter();
        refused.meant(kind, names.filter_map(Value::as_str))
    }

    /// Takes away what is mounted at the operand.
    pub fn disable(self, cx: &mut Context, operands: &[String]) -> Result<Exit, Stop> {
        let path = operands::path(operands::one(operands)?);
        let noun = self.noun();
        let call = Call::new(Verb::Delete, format!("{}/{path}", self.endpoint()));
        let doing = format!("Error disabling {noun} at {path}/");
        let disabled = cx.order(call).map_err(|stop| stop.about(&doing))?;
        cx.done(&format!("Disabled the {noun} (if it existed) at: {path}/"))?;
        cx.pass_on(&disabled.body);
        Ok(Exit::Done)
    }

    /// Changes what is mounted at the operand.
    pub fn tune(self, cx: &mut Context, operands: &[String], body: Value) -> Result<Exit, Stop> {
        let path = operands::path(operands::one(operands)?);
        let noun = self.noun();
        // Of auth methods too, as sys/auth/PATH/tune wants more rights.
        let endpoint = format!("sys/mounts/{}{path}/tune", self.prefix());
        let doing = format!("Error tuning {noun} {path}/");
        let call = Call::new(Verb::Post, endpoint).with_body(body);
        cx.order(call).map_err(|stop| stop.about(&doing))?;
        cx.done(&format!("Tuned the {noun} at: {path}/"))?;
        Ok(Exit::Done)
    }
}
