//! What a command works with: the server, the two streams, the environment.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::envelope::Envelope;
use super::format::Format;
use super::paint::Colour;
use super::plain::plain;
use super::shared::HttpFlags;
use super::stop::{Exit, Stop};
use super::token_helper::TokenHelper;
use super::{curl, values, yaml};
use crate::base::entropy::{Entropy, SystemEntropy};
use crate::base::golang;
use crate::base::secret::Secret;
use crate::base::ttl::Ttl;
use crate::base::variable::{Given, Variable};
use crate::client::{Answer, Call, Client, End, Error, Settings, Verb};

/// The surroundings of one command.
pub struct Context {
    /// How the result is printed.
    pub format: Format,
    /// The one field of it that is wanted.
    pub field: Option<String>,
    http: HttpFlags,
    bearer: Bearer,
    client: Option<Client>,
    /// The policies of what is asked for beside the call that a command is about.
    needed: Vec<String>,
}

/// Which token calls carry.
enum Bearer {
    /// That of VAULT_TOKEN, or else of the last login.
    Usual,
    /// This one, or none.
    Given(Option<Secret>),
}

impl Context {
    /// Surroundings for a command that was given these options; nothing is asked yet.
    pub const fn new(http: HttpFlags, format: Format, field: Option<String>) -> Self {
        Self { format, field, http, bearer: Bearer::Usual, client: None, needed: Vec::new() }
    }

    /// The server's client, made at the first call.
    pub fn client(&mut self) -> Result<&Client, Stop> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.connect()?,
        };
        Ok(self.client.insert(client))
    }

    /// A client of the server.
    pub fn connect(&self) -> Result<Client, Stop> {
        let mut settings = Settings::read(End::Server, |variable| self.given(variable))
            .map_err(|e| Stop::Failed(e.0))?;
        if !self.http.mfa.is_empty() {
            settings.headers.clear();
        }
        settings.headers.extend(self.http.headers().map_err(Stop::Failed)?);
        match &self.bearer {
            Bearer::Given(token) => settings.token.clone_from(token),
            Bearer::Usual if settings.token.is_none() => {
                let stored = self.token_helper()?.get().map_err(Stop::Failed)?;
                settings.token = stored.map(|text| Secret::new(text.as_bytes()));
            }
            Bearer::Usual => {}
        }
        Client::new(settings).map_err(|e| Stop::Failed(e.0))
    }

    /// What a flag says, or else the environment. An address that a flag names is not an agent's.
    fn given(&self, variable: Variable) -> Option<Given> {
        let named = variable == Variable::AgentAddr && self.http.address.is_some();
        self.http.given(variable).or_else(|| variable.read().filter(|_| !named))
    }

    /// What keeps the token of a login.
    pub fn token_helper(&self) -> Result<TokenHelper, Stop> {
        let address = self.given(Variable::Addr).map(|given| given.value);
        TokenHelper::configured(address).map_err(Stop::Failed)
    }

    /// Lets calls carry this token, or none, from here on.
    pub fn bear(&mut self, token: Option<Secret>) {
        self.bearer = Bearer::Given(token);
        self.client = None;
    }

    /// Whether calls carry no token, as none was given and nobody logged in.
    pub fn lacks_token(&self) -> bool {
        let client = self.client.as_ref();
        matches!(self.bearer, Bearer::Usual)
            && client.is_some_and(|client| client.settings().token.is_none())
    }

    /// Lets no answer be wrapped from here on, whatever was asked for.
    pub const fn never_wrap(&mut self) {
        self.http.wrap_ttl = Some(Ttl::ZERO);
    }

    /// Makes a call, or prints the curl command or the policy that stands for it.
    pub fn send(&mut self, mut call: Call) -> Result<Answer, Stop> {
        call.wrap_ttl = self.wrap_ttl(&call)?;
        self.ask(&call)
    }

    /// The same for a call whose answer is not the result: it is never wrapped.
    pub fn ask(&mut self, call: &Call) -> Result<Answer, Stop> {
        if self.prints_policy() {
            self.needed.insert(0, curl::policy(call));
            return Err(Stop::Instead(self.needed.join("\n")));
        }
        let as_curl = self.http.output_curl_string;
        let client = self.client()?;
        if as_curl {
            let command = curl::command(client, call);
            if let Some(remark) = curl::remark(call) {
                self.note(&remark);
            }
            return Err(Stop::Instead(command));
        }
        Ok(client.call(call)?)
    }

    fn wrap_ttl(&self, call: &Call) -> Result<Option<String>, Stop> {
        let wanted = match (self.http.wrap_ttl, Variable::WrapTtl.read()) {
            (Some(ttl), _) => Some(ttl),
            (None, Some(given)) => {
                let wrong = |e| Stop::Usage(format!("{}: {e}", given.by));
                Some(values::parse_ttl(&given.value).map_err(wrong)?)
            }
            (None, None) => None,
        };
        // What is there to wrap Vault's client wraps without being told for how long.
        let usual = (call.verb == Verb::Put && call.path == "sys/wrapping/wrap").then_some("5m");
        let wanted = wanted.filter(|ttl| !ttl.is_zero()).map(|ttl| ttl.to_string());
        Ok(wanted.or_else(|| usual.map(str::to_owned)))
    }

    /// Asks for what helps to say what is wrong. That it cannot be had is nothing to tell.
    pub fn look_up(&mut self, call: &Call) -> Option<Answer> {
        self.client().ok()?.call(call).ok()
    }

    /// Whether the policy that a call needs is printed instead of it.
    pub const fn prints_policy(&self) -> bool {
        self.http.output_policy
    }

    /// What a command asks for beside the call that it is about is to be in its policy, too.
    pub fn also_needs(&mut self, call: &Call) {
        if self.prints_policy() {
            self.needed.push(curl::policy(call));
        }
    }

    /// Whether a call is only printed, not made.
    pub const fn is_dry(&self) -> bool {
        self.http.output_curl_string || self.http.output_policy
    }

    /// Refuses to print instead of doing: what is many requests no one of them stands for.
    pub fn never_dry(&self, doing: &str, instead: &str) -> Result<(), Stop> {
        if self.is_dry() {
            return Err(Stop::Usage(format!("{doing} is many requests: {instead}")));
        }
        Ok(())
    }

    /// Makes a call; `None` where the server has nothing there, or nothing to say.
    pub fn fetch(&mut self, call: Call) -> Result<Option<Envelope>, Stop> {
        match self.send(call) {
            Ok(answer) => Ok(Envelope::of(&answer)),
            Err(Stop::Call(None, Error::Refused(refusal))) if refusal.status == 404 => {
                Ok(Envelope::of_missing(&refusal.body))
            }
            Err(stop) => Err(stop),
        }
    }

    /// Writes `call`'s body at `path` and prints what came of it.
    pub fn write(&mut self, call: Call, path: &str) -> Result<Exit, Stop> {
        match self.written(call, path)? {
            Some(envelope) => envelope.print(self),
            None => {
                self.done(&format!("Data written to: {path}"))?;
                Ok(Exit::Done)
            }
        }
    }

    /// Writes; of a refused write the error is printed with the warnings beside it.
    pub fn written(&mut self, call: Call, path: &str) -> Result<Option<Envelope>, Stop> {
        let doing = format!("Error writing data to {path}");
        match self.send(call) {
            Ok(answer) => Ok(Envelope::of(&answer)),
            Err(Stop::Call(None, Error::Refused(refusal))) if refusal.status == 404 => {
                let beside = Envelope::of_missing(&refusal.body);
                let Some(envelope) = beside else {
                    return Err(Stop::Call(Some(doing), Error::Refused(refusal)));
                };
                self.complain(&format!("{doing}: {refusal}"));
                envelope.print(self)?;
                Err(Stop::Quiet(Exit::Failed))
            }
            Err(stop) => Err(stop.about(&doing)),
        }
    }

    /// Prints a line, or lines. A reader that went away ends the command quietly.
    pub fn say(&mut self, text: &str) -> Result<(), Stop> {
        let text = plain(text, &io::stdout());
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes());
        written.and_then(|()| out.write_all(b"\n")).map_err(|e| broken(&e))
    }

    /// Prints bytes as they are. A reader that went away ends the command quietly.
    pub fn print(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| broken(&e))
    }

    /// Prints words, where people read them.
    pub fn tell(&mut self, text: &str) -> Result<(), Stop> {
        if self.format == Format::Table { self.say(text) } else { Ok(()) }
    }

    /// Prints `Success!` and what was done, where people read it.
    pub fn done(&mut self, text: &str) -> Result<(), Stop> {
        self.tell(&format!("Success! {text}"))
    }

    /// Says what went wrong.
    pub fn complain(&mut self, text: &str) {
        self.aside(text, Some(Colour::Red));
    }

    /// Says what somebody should know who gets what they asked for.
    pub fn warn(&mut self, text: &str) {
        self.aside(text, Some(Colour::Yellow));
    }

    /// Says what is neither wrong nor the result.
    pub fn note(&mut self, text: &str) {
        self.aside(text, None);
    }

    /// Prints to stderr. Nothing is left to be done when that fails.
    fn aside(&self, text: &str, colour: Option<Colour>) {
        let colour = colour.filter(|_| self.format == Format::Table);
        let text = plain(text, &io::stderr());
        let text =
            colour.map_or_else(|| text.to_string(), |colour| colour.paint(&text, &io::stderr()));
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Prints a value as JSON or YAML.
    pub fn say_value(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        match self.format {
            Format::Pretty => Err(Stop::Unmet(
                "Could not parse output: cannot use the pretty formatter for this type".into(),
            )),
            Format::Yaml => {
                let value = serde_json::to_value(value).map_err(unprintable)?;
                self.say(yaml::document(&value).trim_end())
            }
            Format::Json | Format::Table | Format::Raw => {
                self.say(&serde_json::to_string_pretty(value).map_err(unprintable)?)
            }
        }
    }

    /// Prints one field, without a newline into a pipe.
    pub fn say_field(&mut self, value: &Value) -> Result<(), Stop> {
        let text = match self.format {
            Format::Table | Format::Raw => golang::display(value),
            Format::Json => serde_json::to_string_pretty(value).map_err(unprintable)?,
            Format::Yaml | Format::Pretty => return self.say_value(value),
        };
        if io::stdout().is_terminal() {
            return self.say(&text);
        }
        self.print(text.as_bytes())
    }

    /// Whether nothing is to be asked, even on a terminal.
    pub const fn asks_nothing(&self) -> bool {
        self.http.non_interactive
    }

    /// Whether a person can be asked.
    pub fn can_ask(&self) -> bool {
        !self.http.non_interactive && io::stdin().is_terminal()
    }

    /// Random bytes.
    pub const fn entropy(&self) -> &'static dyn Entropy {
        &SystemEntropy
    }
}

/// A variable of the environment that is set and not empty.
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The home folder.
pub fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

fn unprintable(error: serde_json::Error) -> Stop {
    Stop::Unmet(format!("Could not parse output: {error}"))
}

fn broken(error: &io::Error) -> Stop {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Stop::Quiet(Exit::Done),
        _ => Stop::Failed(format!("the result cannot be printed: {error}")),
    }
}
