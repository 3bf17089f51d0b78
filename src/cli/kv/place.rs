//! Where a key lies: which mount, which version of the engine.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::Stop;
use crate::client::{Call, Error};

/// Mount Options
#[derive(FromArgs, ArgsInfo)]
pub struct Below {
    /// mount that the key or path is below; else it stands before that
    #[argh(option, arg_name = "string")]
    pub mount: Option<String>,
}

/// A key of a mount.
pub struct Place {
    /// The mount, with a slash at its end; empty where the server does not tell.
    mount: String,
    /// The key below it.
    key: String,
    /// Whether the mount keeps versions.
    pub is_versioned: bool,
}

impl Place {
    /// Asks the server which mount `path` is in; with `mount` the path is below that.
    pub fn find(cx: &mut Context, mount: Option<&str>, path: &str) -> Result<Self, Stop> {
        let path = operands::path(path);
        let mount = mount.map(operands::path).filter(|mount| !mount.is_empty());
        let asked = mount.as_deref().unwrap_or(&path);
        let call = Call::get(format!("sys/internal/ui/mounts/{asked}"));
        let data = match cx.client()?.call(&call) {
            Ok(answer) if is_mount(&answer.body["data"]) => answer.body["data"].clone(),
            Ok(_) => return Err(cx.not_understood()),
            // A server older than this path has only the first version.
            Err(Error::Refused(refusal)) if refusal.status == 404 => Default::default(),
            Err(_) if cx.is_dry() => return Err(unknown_version(asked)),
            Err(error) => return Err(mount_meant(cx, error.into(), asked)),
        };
        let found = data["path"].as_str().unwrap_or_default().to_owned();
        let is_versioned = data["options"]["version"] == "2";
        Ok(match mount {
            Some(mount) => {
                let mount = if found.is_empty() { format!("{mount}/") } else { found };
                Self { mount, key: path, is_versioned }
            }
            None => {
                let key = match path.strip_prefix(found.as_str()) {
                    Some(key) => key,
                    None if path == found.trim_end_matches('/') => "",
                    None => &path,
                };
                Self { key: key.to_owned(), mount: found, is_versioned }
            }
        })
    }

    /// The API's path of the key: with `area` (`data`, `metadata`, ...) where there are versions.
    pub fn path(&self, area: &str) -> String {
        let area = if self.is_versioned { area } else { "" };
        let parts = [self.mount.trim_end_matches('/'), area, &self.key];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("/")
    }
}

/// Whether that tells of a mount or, where no path was asked for, of all that there are.
fn is_mount(data: &Value) -> bool {
    data["path"].is_string() || data["secret"].is_object()
}

/// Adds to the refusal of a path that is in no mount which mount was probably meant. Whoever may
/// not see the mount that it is in is told the same by the server.
fn mount_meant(cx: &mut Context, refused: Stop, asked: &str) -> Stop {
    let first = asked.split('/').next().unwrap_or_default();
    if !refused.says("preflight capability check returned 403") {
        return refused;
    }
    let Some(mounts) = cx.look_up(&Call::get("sys/internal/ui/mounts")) else { return refused };
    let names = mounts.body["data"]["secret"].as_object().into_iter().flat_map(|all| all.keys());
    let names: Vec<&str> = names.map(|name| name.trim_end_matches('/')).collect();
    if names.contains(&first) { refused } else { refused.meant(first, names) }
}

fn unknown_version(asked: &str) -> Stop {
    Stop::Failed(format!(
        "This output flag requires the success of a preflight request to determine the version \
         of a KV secrets engine. Please\nre-run this command with a token with read access to \
         {asked}. Note that if the path you are trying to reach is a KV v2 path, your token's \
         policy must allow read access to that path in the format 'mount-path/data/foo', not \
         just 'mount-path/foo'.\nUnable to generate cURL string from command"
    ))
}
