//! `login`: a token for what somebody knows, kept for the commands that follow.

pub mod method;

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use super::command::{Command, Shared};
use super::context::Context;
use super::envelope::Envelope;
use super::format::Format;
use super::stop::{Exit, Stop};
use super::table;
use super::token_helper::TokenHelper;
use crate::base::secret::Secret;
use crate::base::variable::Variable;
use crate::client::{Call, Verb};
use method::Method;

const SUCCESS: &str = "Success! You are now authenticated.";
const STORED: &str = "The token information displayed below is already stored in the token \
                      helper. You do NOT need to run \"edgekeep login\" again. Future Edgekeep \
                      requests will automatically use this token.";
const NOT_STORED: &str = "The token was not stored in token helper. Set the VAULT_TOKEN \
                          environment variable or pass the token below with each request to \
                          Edgekeep.";
const LOST: &str = "Authentication was successful, but the token was not persisted. The resulting \
                    token is shown below for your records.";
const HALF: &str = "A login request was issued that is subject to MFA validation. Please make sure \
                    to validate the login by sending another request to sys/mfa/validate endpoint.";

/// Log in, and keep the token for the commands that follow.
///
/// By the method token with a TOKEN that is looked up first (unless lookup=false), by others with
/// K=V: username and password for userpass, ldap and radius, role_id and secret_id for approle,
/// name for cert. What is secret and not given is asked for, and not shown. A value @FILE is read
/// from a file, and - from stdin.
#[derive(FromArgs, ArgsInfo)]
pub struct Login {
    /// how one logs in; else with a token
    #[argh(
        option,
        arg_name = "approle|cert|ldap|radius|token|userpass",
        default = "String::new()"
    )]
    method: String,
    /// where the method is mounted; at its own name, unless it is said
    #[argh(option, arg_name = "string")]
    path: Option<String>,
    /// keep the token nowhere
    #[argh(switch)]
    no_store: bool,
    /// keep the token, and print nothing
    #[argh(switch)]
    no_print: bool,
    /// print the token alone, and keep it nowhere
    #[argh(switch)]
    token_only: bool,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Login {
    const OPERANDS: &'static str = "[AUTH K=V...]";
    const SHARED: Shared = Shared::Field;

    fn run(mut self, cx: &mut Context) -> Result<Exit, Stop> {
        if self.token_only {
            self.no_store = true;
            cx.field = Some("token".into());
        }
        if self.no_store && self.no_print {
            return Err(Stop::Usage("-no-store and -no-print cannot be used together".into()));
        }
        let method = Method::named(&self.method)?;
        // Whatever is wrong with it is told before there is a token.
        let helper = if self.no_store { None } else { Some(cx.token_helper()?) };
        let given = method.read(&self.operands)?;
        let answer = method.log_in(cx, self.path.as_deref(), given)?;
        cx.never_wrap();
        if let Some(wrapping) = Wrapping::of(&answer).filter(|_| self.no_store) {
            wrapping?;
            if self.token_only {
                return answer.print_field(cx, "wrapping_token");
            }
            return answer.print(cx);
        }
        let login = unwrapped(cx, answer)?;
        if !login.auth["mfa_requirement"].is_null() {
            warn_if_hidden(cx);
            cx.warn(&format!("{}\n", table::wrap(HALF, 0)));
            return login.print(cx);
        }
        let token = login.auth["client_token"].as_str().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| no_token("no client_token in the response"))?;
        match helper {
            Some(helper) => keep(cx, &helper, token, &login)?,
            None if !self.token_only => cx.warn(&format!("{}\n", table::wrap(NOT_STORED, 0))),
            None => {}
        }
        if self.no_print {
            return Ok(Exit::Done);
        }
        if cx.format == Format::Table && cx.field.is_none() {
            let text = match self.no_store {
                true => SUCCESS.to_owned(),
                false => format!("{SUCCESS} {STORED}"),
            };
            cx.say(&format!("{}\n", table::wrap(&text, 0)))?;
        }
        login.print(cx)
    }
}

fn keep(cx: &mut Context, helper: &TokenHelper, token: &str, login: &Envelope) -> Result<(), Stop> {
    if let Err(why) = helper.store(token) {
        cx.complain(&format!("Error storing token: {why}"));
        cx.complain(&format!("{}\n", table::wrap(LOST, 0)));
        login.print(cx)?;
        return Err(Stop::Quiet(Exit::Failed));
    }
    warn_if_hidden(cx);
    Ok(())
}

/// Says that commands will go on with another token.
fn warn_if_hidden(cx: &mut Context) {
    if let Some(given) = Variable::Token.read() {
        let by = given.by;
        let text = format!(
            "WARNING! The {by} environment variable is set! The value of this variable will take \
             precedence; if this is unwanted please unset {by} or update its value accordingly."
        );
        cx.warn(&format!("{}\n", table::wrap(&text, 0)));
    }
}

/// The login itself, out of as many wrappings as there are.
fn unwrapped(cx: &mut Context, mut answer: Envelope) -> Result<Envelope, Stop> {
    while let Some(wrapping) = Wrapping::of(&answer) {
        cx.bear(Some(Secret::new(wrapping?.0)));
        let call = Call::new(Verb::Put, "sys/wrapping/unwrap");
        let inside = cx.send(call).map_err(|stop| stop.about("Error extracting token"))?;
        answer = Envelope::of(&inside).ok_or_else(|| no_token("empty response"))?;
    }
    match answer.auth {
        Value::Null => Err(no_token("no auth or wrapping info in response")),
        _ => Ok(answer),
    }
}

/// The token that wraps a login.
struct Wrapping(String);

impl Wrapping {
    /// `None` for what is not wrapped; what is wrapped and is no login is an error.
    fn of(answer: &Envelope) -> Option<Result<Self, Stop>> {
        let text = |name: &str| answer.wrap_info[name].as_str().unwrap_or_default();
        match (&answer.auth, &answer.wrap_info) {
            (Value::Null, Value::Object(_)) if text("wrapped_accessor").is_empty() => {
                Some(Err(no_token("wrapped response does not contain a token")))
            }
            (Value::Null, Value::Object(_)) => Some(Ok(Self(text("token").to_owned()))),
            _ => None,
        }
    }
}

fn no_token(why: &str) -> Stop {
    Stop::Failed(format!("Error extracting token: {why}"))
}
