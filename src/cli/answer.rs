//! What an answer must hold. Whatever listens at the address may answer with 200: what no server
//! of this API would say is told, not printed as a result.

use serde_json::Value;

use super::context::Context;
use super::envelope::Envelope;
use super::stop::{Exit, Stop};
use crate::client::{Answer, Call, Error};

/// What an answer says: some have it inside an envelope, some beside it, some both.
fn data(body: Value) -> Value {
    if body["data"].is_object() { body["data"].clone() } else { body }
}

impl Context {
    /// Makes a call, and reads what its answer says, which must be what `is_it` looks for.
    pub fn learn(&mut self, call: Call, is_it: fn(&Value) -> bool) -> Result<Value, Stop> {
        let told = data(self.send(call)?.body);
        if is_it(&told) { Ok(told) } else { Err(self.not_understood()) }
    }

    /// Makes a call whose answer must be what `is_it` looks for, or wrapped, and prints it.
    pub fn show(
        &mut self,
        call: Call,
        doing: &str,
        is_it: fn(&Envelope) -> bool,
    ) -> Result<Exit, Stop> {
        let shown = self.present(call, is_it, |cx, found| found.print(cx));
        shown.map_err(|stop| stop.about(doing))
    }

    /// The same of what a command prints in a form of its own. What is wrapped is printed as any
    /// wrapped answer is.
    pub fn present(
        &mut self,
        call: Call,
        is_it: fn(&Envelope) -> bool,
        print: impl FnOnce(&mut Self, &Envelope) -> Result<Exit, Stop>,
    ) -> Result<Exit, Stop> {
        match Envelope::of(&self.send(call)?) {
            Some(found) if !found.wrap_info.is_null() => found.print(self),
            Some(found) if is_it(&found) => print(self, &found),
            _ => Err(self.not_understood()),
        }
    }

    /// Makes a call that is there for what it does: the answer says nothing, or has the id that
    /// each of this API has which says something.
    pub fn order(&mut self, call: Call) -> Result<Answer, Stop> {
        let answer = self.send(call)?;
        let is_one = answer.body.is_null() || answer.body["request_id"].is_string();
        if is_one { Ok(answer) } else { Err(self.not_understood()) }
    }

    /// Passes on what an answer warns of whose data is not what is printed.
    pub fn pass_on(&mut self, answer: &Value) {
        if let Some(found) = Envelope::of_missing(answer) {
            found.warn(self);
        }
    }

    /// The answer is none of this API.
    pub fn not_understood(&mut self) -> Stop {
        match self.client() {
            Err(stop) => stop,
            Ok(client) => Stop::from(Error::Broken(format!(
                "the answer of {} is not understood: is that a server with Vault's API?",
                client.address()
            ))),
        }
    }
}
