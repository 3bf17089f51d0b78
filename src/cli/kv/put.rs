//! `kv put`: a key's data, anew.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use super::place::{Below, Place};
use super::show;
use crate::base::golang;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::stop::{Exit, Stop};
use crate::cli::{data, operands};
use crate::client::Call;

/// The command with all its options.
pub type Put = With<Own, Below>;

/// Set data of a key, in place of all it held.
///
/// Data is key=value. A value @FILE is read from a file, and - from stdin; an operand @FILE or -
/// is a JSON object.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// write only if this is the current version; 0: only if there is none
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    cas: Option<i64>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Put {
    const OPERANDS: &'static str = "KEY [DATA]";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (key, pairs) = operands::first(&self.own.operands, ">1")?;
        if pairs.is_empty() {
            return Err(Stop::Usage("Must supply data".into()));
        }
        let data = data::object(pairs)?;
        let place = Place::find(cx, self.more.mount.as_deref(), key)?;
        let body = match place.is_versioned {
            true => json!({ "data": data, "options": options(self.own.cas) }),
            false => Value::Object(data),
        };
        let path = place.path("data");
        let written = cx.written(Call::put(path.as_str(), body), &path)?;
        show::written(cx, &place, written)
    }
}

/// The options of a write: the version that must be the current one.
pub fn options(cas: Option<i64>) -> Value {
    cas.filter(|cas| *cas >= 0).map_or_else(|| json!({}), |cas| json!({ "cas": cas }))
}
