//! One of the two servers, and why something of it does not come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::job::Ended;
use crate::base::sync::lock;
use crate::cli::progress::Progress;
use crate::client::{Answer, Call, Client, End, Error, Refusal};

/// How often a server is asked again that says "not now", and how long after.
const PATIENCE: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);

/// A server that is asked.
pub struct Server {
    client: Client,
    /// Where it is shown that it is waited for.
    progress: Arc<Mutex<Progress>>,
    /// Whether nothing is to be asked any more.
    interrupted: Arc<AtomicBool>,
}

/// Why something did not come.
#[derive(Debug)]
pub enum Trouble {
    /// This one thing cannot; the next may.
    Here(String),
    /// Nothing can any more.
    Everywhere(Ended),
}

impl From<Ended> for Trouble {
    fn from(ended: Ended) -> Self {
        Self::Everywhere(ended)
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here(why) => f.write_str(why),
            Self::Everywhere(why) => why.fmt(f),
        }
    }
}

/// What a server says of itself.
pub struct About {
    /// The id of its cluster: tells whether two are one. Empty where it does not say.
    pub cluster: String,
    /// Its version.
    pub version: String,
}

/// What a list gave.
#[derive(Default)]
pub struct Listed {
    /// The names.
    pub names: Vec<String>,
    /// What stands among them and leads elsewhere, or is none: as JSON.
    pub odd: Vec<String>,
}

/// What a read gave.
pub enum Found {
    /// The data.
    Data(Value),
    /// Nothing; beside that, what the server told of it.
    Nothing(Value),
}

impl Server {
    /// A server by its client.
    pub const fn new(
        client: Client,
        progress: Arc<Mutex<Progress>>,
        interrupted: Arc<AtomicBool>,
    ) -> Self {
        Self { client, progress, interrupted }
    }

    fn end(&self) -> End {
        self.client.settings().end
    }

    /// What it is called in a reason.
    fn name(&self) -> &'static str {
        match self.end() {
            End::Server | End::Seal => "here",
            End::Source => "there",
        }
    }

    /// Its address.
    pub fn address(&self) -> String {
        self.client.address().to_string()
    }

    /// What it says of itself.
    pub fn about(&self) -> Result<About, Trouble> {
        let fit = [("standbyok", "true"), ("perfstandbyok", "true")];
        let unfit = [("sealedcode", "200"), ("uninitcode", "200")];
        let call = fit.into_iter().chain(unfit);
        let call =
            call.fold(Call::get("sys/health"), |call, (name, value)| call.with_query(name, value));
        let answer = self.call(&call)?;
        self.refuse_unready(&answer.body)?;
        let text = |name: &str| answer.body[name].as_str().unwrap_or_default().to_owned();
        Ok(About { cluster: text("cluster_id"), version: text("version") })
    }

    /// A server that is sealed has nothing to give and takes nothing.
    fn refuse_unready(&self, health: &Value) -> Result<(), Ended> {
        let why = match (self.end(), &health["initialized"], &health["sealed"]) {
            (End::Server, Value::Bool(false), _) => {
                "the server is not initialised: `edgekeep operator init`"
            }
            (End::Source, Value::Bool(false), _) => {
                "the server is not initialised: is it the one that is meant?"
            }
            (End::Server, _, Value::Bool(true)) => {
                "the server is sealed: `edgekeep operator unseal`"
            }
            (End::Source, _, Value::Bool(true)) => "the server is sealed: unseal it first",
            _ => return Ok(()),
        };
        Err(Ended::Broken(self.told(why)))
    }

    /// The data at a path, if there is any.
    pub fn get(&self, path: &str) -> Result<Option<Value>, Trouble> {
        self.find(Call::get(path)).map(|found| match found {
            Found::Data(data) => Some(data),
            Found::Nothing(_) => None,
        })
    }

    /// The data at a path where some is listed.
    pub fn need(&self, path: &str) -> Result<Value, Trouble> {
        self.get(path)?.ok_or_else(|| self.here("it is gone by now"))
    }

    /// What a read gives, and what is told where there is no data.
    pub fn find(&self, call: Call) -> Result<Found, Trouble> {
        match self.ask(&call)? {
            Ok(mut answer) => match answer.body.get_mut("data").map(Value::take) {
                Some(data @ Value::Object(_)) => Ok(Found::Data(data)),
                _ => Err(self.here(format!("{} was answered without data", call.path))),
            },
            Err(Error::Refused(refusal)) if refusal.status == 404 && refusal.errors.is_some() => {
                Ok(Found::Nothing(refusal.body["data"].clone()))
            }
            Err(error) => Err(self.judge(error)),
        }
    }

    /// The names in a folder. One that leads elsewhere could write where nobody expects it.
    pub fn list(&self, path: &str) -> Result<Listed, Trouble> {
        let Found::Data(data) = self.find(Call::list(path))? else { return Ok(Listed::default()) };
        let keys = data["keys"].as_array();
        let keys = keys.ok_or_else(|| self.here(format!("{path} was listed without names")))?;
        let mut listed = Listed::default();
        for key in keys {
            match key.as_str().filter(|name| is_name(name)) {
                Some(name) => listed.names.push(name.to_owned()),
                None => listed.odd.push(key.to_string()),
            }
        }
        Ok(listed)
    }

    /// Writes.
    pub fn put(&self, path: &str, body: Value) -> Result<(), Trouble> {
        self.call(&Call::put(path, body)).map(drop)
    }

    fn call(&self, call: &Call) -> Result<Answer, Trouble> {
        self.ask(call)?.map_err(|error| self.judge(error))
    }

    /// Asks, and asks again where it is too often.
    fn ask(&self, call: &Call) -> Result<Result<Answer, Error>, Ended> {
        for left in (0..=PATIENCE).rev() {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(Ended::Interrupted);
            }
            match self.client.call(call) {
                Err(Error::Refused(refusal)) if left > 0 && is_for_now(&refusal) => {
                    let why = self.told(&refusal.status.to_string());
                    lock(&self.progress).pause(&format!("{why}, asking again, up to {left} times"));
                    std::thread::sleep(PAUSE);
                    lock(&self.progress).go_on();
                }
                other => return Ok(other),
            }
        }
        Ok(self.client.call(call))
    }

    fn judge(&self, error: Error) -> Trouble {
        match error {
            Error::Refused(refusal) if matches!(refusal.status, 429 | 503 | 507) => {
                Ended::Broken(self.told(&short(&refusal))).into()
            }
            Error::Refused(refusal) => self.here(short(&refusal)),
            error @ (Error::Broken(_) | Error::Late(..)) if self.answers() => {
                self.here(error.to_string())
            }
            error => Ended::Broken(self.told(&error.to_string())).into(),
        }
    }

    /// Whether it answers at all.
    fn answers(&self) -> bool {
        let asked = self.client.call(&Call::get("sys/health"));
        matches!(asked, Ok(_) | Err(Error::Refused(_)))
    }

    /// A reason that this server gives.
    pub fn here(&self, why: impl AsRef<str>) -> Trouble {
        Trouble::Here(self.told(why.as_ref()))
    }

    fn told(&self, why: &str) -> String {
        format!("{}: {why}", self.name())
    }
}

/// Whether a name, perhaps of a folder, leads to no other place.
pub fn is_name(name: &str) -> bool {
    let odd = |part: &str| matches!(part, "" | "." | "..");
    !name.strip_suffix('/').unwrap_or(name).split('/').any(odd)
}

/// Whether the same request may be answered soon: it came too often, or the server lacks room for
/// the moment. One that is sealed stays so.
fn is_for_now(refusal: &Refusal) -> bool {
    let texts = refusal.errors.iter().flatten();
    let sealed = refusal.body["sealed"] == true || texts.into_iter().any(|t| t.contains("sealed"));
    refusal.status == 429 || refusal.status == 503 && !sealed
}

/// A refusal in one line.
fn short(refusal: &Refusal) -> String {
    let (status, path) = (refusal.status, refusal.url.split("/v1/").nth(1).unwrap_or_default());
    let (method, texts) = (refusal.method, refusal.errors.as_deref());
    let why = match texts {
        None => "no answer of Vault's".to_owned(),
        Some([]) => "no reason given".to_owned(),
        Some(texts) => {
            // Go's list of errors has a head and marks that say nothing here.
            let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim);
            let lines = lines.filter(|line| !line.ends_with(" occurred:"));
            let words = lines.flat_map(|line| line.trim_start_matches("* ").split_whitespace());
            words.collect::<Vec<_>>().join(" ")
        }
    };
    format!("{method} {path}: {status} {why}")
}
