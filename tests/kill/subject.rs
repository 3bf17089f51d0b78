//! What a writer owns: it alone changes it, one request after the other, so that at any moment it
//! is what was acknowledged last or, when that was not answered, what was sent last.

use std::io;

use serde_json::Value;

use crate::support::dice::Dice;
use crate::support::http::Client;

/// What comes of the requests that a killed server did not answer.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub acknowledged: u64,
    pub landed: u64,
    pub lost: u64,
}

/// How a kind of thing changes, and how it is seen.
pub trait Model: Send {
    /// What is known of it.
    type State: Clone + Send;

    /// What the API calls it.
    fn name(&self) -> &str;
    /// One change to what is in `state`.
    fn step(&self, state: &Self::State, dice: &Dice) -> Step<Self::State>;
    /// How a thing in `state` is seen.
    fn show(&self, state: &Self::State) -> Value;
    /// How it is seen now.
    fn look(&self, client: &Client) -> Value;
}

/// A request and what it makes.
pub struct Step<S> {
    /// The token that it is sent with; root's when `None`.
    pub by: Option<String>,
    pub method: &'static str,
    pub path: String,
    pub body: Option<Value>,
    /// The one right answer.
    pub status: u16,
    /// What is there after it.
    pub after: S,
}

/// A thing of any kind, with what is known of it.
pub trait Subject: Send {
    /// Changes it. An error is a server that does not answer any more.
    fn change(&mut self, client: &Client, dice: &Dice, tally: &mut Tally) -> io::Result<()>;
    /// Looks whether it is what it must be.
    fn check(&mut self, client: &Client, tally: &mut Tally);
}

/// A thing with what is known of it.
pub struct Owned<M: Model> {
    model: M,
    acknowledged: M::State,
    /// What a request that was not answered would have made of it.
    sent: Option<M::State>,
}

impl<M: Model> Owned<M> {
    /// A thing that is as `state` says.
    pub fn new(model: M, state: M::State) -> Self {
        Self { model, acknowledged: state, sent: None }
    }
}

impl<M: Model> Subject for Owned<M> {
    fn change(&mut self, client: &Client, dice: &Dice, tally: &mut Tally) -> io::Result<()> {
        let step = self.model.step(&self.acknowledged, dice);
        let Step { by, method, path, body, status, after } = step;
        self.sent = Some(after.clone());
        let reply = match by {
            Some(token) => client.clone().token(&token).ask(method, &path, body.as_ref())?,
            None => client.ask(method, &path, body.as_ref())?,
        };
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.json());
        self.acknowledged = after;
        self.sent = None;
        tally.acknowledged += 1;
        Ok(())
    }

    fn check(&mut self, client: &Client, tally: &mut Tally) {
        let seen = self.model.look(client);
        let acknowledged = self.model.show(&self.acknowledged);
        let Some(sent) = self.sent.take() else {
            assert_eq!(seen, acknowledged, "{}", self.model.name());
            return;
        };
        let would_be = self.model.show(&sent);
        if seen == would_be {
            self.acknowledged = sent;
            tally.landed += 1;
        } else {
            let name = self.model.name();
            assert_eq!(seen, acknowledged, "{name}, sent and not answered: {would_be}");
            tally.lost += 1;
        }
    }
}
