//! The ways to log in.

use serde_json::{Map, Value, json};

use crate::base::golang;
use crate::base::secret::Secret;
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::stop::Stop;
use crate::cli::values::items;
use crate::cli::{data, operands, prompt, table};
use crate::client::Call;

/// A way to log in.
pub struct Method {
    name: &'static str,
    way: Way,
    about: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// With a token that is there already.
    Token,
    /// With a user's name, which is a part of the path, and a password.
    Password,
    /// With the two halves of an AppRole.
    AppRole,
    /// With the client's certificate.
    Certificate,
}

const METHODS: &[Method] = &[
    Method { name: "approle", way: Way::AppRole, about: "Log in with the two ids of an AppRole." },
    Method { name: "cert", way: Way::Certificate, about: "Log in with a client's certificate." },
    Method {
        name: "ldap",
        way: Way::Password,
        about: "Log in with a name and a password of an LDAP directory.",
    },
    Method {
        name: "radius",
        way: Way::Password,
        about: "Log in with a name and a password that a RADIUS server knows.",
    },
    Method { name: "token", way: Way::Token, about: "Log in with a token that you have." },
    Method {
        name: "userpass",
        way: Way::Password,
        about: "Log in with a name and a password that the server keeps.",
    },
];

impl Way {
    /// What stands behind the method in an example.
    const fn example(self) -> &'static str {
        match self {
            Self::Token => "-",
            Self::Password => "username=ann",
            Self::AppRole => "role_id=9a6c3d1e-... secret_id=@secret-id.txt",
            Self::Certificate => "name=web",
        }
    }

    /// What it is told as KEY=VALUE.
    const fn config(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Token => &[
                ("token", "the token; it is asked for when it is not given"),
                ("lookup", "false: do not ask the server what the token is"),
            ],
            Self::Password => &[
                ("username", "the name"),
                ("password", "the password; it is asked for when it is not given"),
            ],
            Self::AppRole => &[
                ("role_id", "the role's id"),
                ("secret_id", "the secret id; it is asked for when it is not given"),
            ],
            Self::Certificate => &[(
                "name",
                "the role to log in by; else each is tried (the certificate itself is that of \
                 -client-cert)",
            )],
        }
    }
}

impl Method {
    /// The method of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.name == name)
    }

    /// All their names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        METHODS.iter().map(|method| method.name)
    }

    /// How one logs in by it.
    pub fn help(&self) -> String {
        let Self { name, way, about } = self;
        let method = match way {
            Way::Token => String::new(),
            _ => format!("-method={name} "),
        };
        let usage = if method.is_empty() { "TOKEN " } else { &method };
        let config = way.config().iter();
        let config =
            config.map(|(key, what)| table::wrap(&format!("  {key}=<string>\n      {what}"), 6));
        format!(
            "Usage: edgekeep login {usage}[CONFIG K=V...]\n\n  {about}\n\n      $ edgekeep login \
             {method}{}\n\nConfiguration:\n\n{}\n\nA value @FILE is read from a file, and - from \
             stdin.",
            way.example(),
            config.collect::<Vec<_>>().join("\n\n")
        )
    }

    /// The method of a name; without one it is the token's.
    pub fn named(name: &str) -> Result<&'static Self, Stop> {
        let name = match operands::path(name) {
            name if name.is_empty() => "token".to_owned(),
            name => name,
        };
        Self::find(&name).ok_or_else(|| {
            let known: Vec<&str> = Self::names().collect();
            let text = format!(
                "Unknown auth method: {name}. Use \"edgekeep auth list\" to see the complete list \
                 of auth methods. Additionally, some auth methods are only available via the HTTP \
                 API.\n\nThere are {}; where one is mounted is said with -path.",
                known.join(", ")
            );
            Stop::Usage(table::wrap(&text, 0))
        })
    }

    /// Reads the operands; a token stands there without its name.
    pub fn read(&self, operands: &[String]) -> Result<Given, Stop> {
        let mut operands = operands.to_vec();
        if let Some(first) = operands.first_mut().filter(|first| !first.contains('='))
            && self.way == Way::Token
        {
            first.insert_str(0, "token=");
        }
        let read = data::read(&operands);
        read.map(Given).map_err(|e| Stop::Usage(format!("Error parsing configuration: {e}")))
    }

    /// Logs in where the method is mounted.
    pub fn log_in(
        &self,
        cx: &mut Context,
        path: Option<&str>,
        mut given: Given,
    ) -> Result<Envelope, Stop> {
        let mount = given.take("mount").or_else(|| path.map(str::to_owned));
        let mount = mount.map(|mount| operands::path(&mount)).filter(|mount| !mount.is_empty());
        let mut path = format!("auth/{}/login", mount.as_deref().unwrap_or(self.name));
        match self.way {
            Way::Token => return with_token(cx, given),
            Way::Password => {
                let user = given.demand("username")?;
                path.push_str(&format!("/{user}"));
                given.ask(cx, "password", "Password (will be hidden):")?;
            }
            Way::AppRole => {
                let role = given.demand("role_id")?;
                given.0.insert("role_id".into(), role.into());
                given.ask(cx, "secret_id", "Secret ID (will be hidden):")?;
            }
            Way::Certificate => {}
        }
        // A token of before, which may be one that the server does not even take for one.
        cx.bear(None);
        let answer = cx
            .send(Call::put(path, Value::Object(given.0)))
            .map_err(|stop| stop.about("Error authenticating"))?;
        Envelope::of(&answer).ok_or_else(|| failed("empty response from credential provider"))
    }
}

/// What was given on the command line.
pub struct Given(Map<String, Value>);

impl Given {
    /// Takes a value out, without the line's end that a file or stdin puts behind it.
    fn take(&mut self, name: &str) -> Option<String> {
        let mut text = golang::display(&self.0.remove(name)?);
        if text.ends_with('\n') {
            text.truncate(text.trim_end_matches(['\n', '\r']).len());
        }
        Some(text)
    }

    /// The same where it must be there.
    fn demand(&mut self, name: &str) -> Result<String, Stop> {
        let value = self.take(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| failed(&format!("'{name}' must be specified")))
    }

    /// Sees to it that a secret is there: one that was not given is asked for.
    fn ask(&mut self, cx: &mut Context, name: &str, question: &str) -> Result<(), Stop> {
        let secret = match self.take(name) {
            Some(secret) => secret,
            None => {
                let asked = prompt::password(cx, question);
                let piped = format!("Pipe it in: {name}=- reads it from stdin");
                asked.map_err(|why| failed(&format!("{why}\n\n{piped}")))?.as_str().to_owned()
            }
        };
        self.0.insert(name.to_owned(), secret.into());
        Ok(())
    }
}

/// Takes a token as it is, once it was looked up.
fn with_token(cx: &mut Context, mut given: Given) -> Result<Envelope, Stop> {
    let lookup = given.take("lookup").map_or(Ok(true), |text| golang::parse_bool(&text));
    let lookup =
        lookup.map_err(|e| failed(&format!("Failed to parse \"lookup\" as boolean: {e}")))?;
    let token = match given.take("token") {
        Some(token) => token,
        None => {
            let asked = prompt::password(cx, "Token (will be hidden):");
            asked.map_err(|why| not_asked(&why))?.as_str().to_owned()
        }
    };
    let token = token.trim();
    if token.is_empty() {
        return Err(failed(
            "a token must be passed to auth, please view the help for more information",
        ));
    }
    if !lookup {
        return Ok(login_of(&json!({ "id": token })));
    }
    cx.bear(Some(Secret::new(token)));
    cx.never_wrap();
    let found = cx
        .send(Call::get("auth/token/lookup-self"))
        .map_err(|stop| stop.about("Error authenticating: error looking up token"))?;
    Ok(login_of(&found.body["data"]))
}

/// What is known of a token, in the form of a login.
fn login_of(token: &Value) -> Envelope {
    let list = |name: &str| items(&token[name]).to_vec();
    let text = |name: &str| token[name].as_str().unwrap_or_default();
    let policies = [list("policies"), list("identity_policies")].concat();
    Envelope::of_login(&json!({
        "client_token": text("id"),
        "accessor": text("accessor"),
        "policies": policies,
        "token_policies": token["policies"],
        "identity_policies": token["identity_policies"],
        "metadata": token["meta"],
        "orphan": false,
        "entity_id": "",
        "lease_duration": token["ttl"].as_i64().unwrap_or(0),
        "renewable": token["renewable"].as_bool().unwrap_or(false),
        "mfa_requirement": null,
    }))
}

fn failed(why: &str) -> Stop {
    Stop::Failed(format!("Error authenticating: {why}"))
}

fn not_asked(why: &str) -> Stop {
    failed(&format!(
        "An error occurred attempting to ask for a token. The raw error message is shown below, \
         but usually this is because you attempted to pipe a value into the command or you are \
         executing outside of a terminal (tty). If you want to pipe the value, pass \"-\" as the \
         argument to read from stdin. The raw error was: {why}"
    ))
}
