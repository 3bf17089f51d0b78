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
        let answer = self.send(call).map_err(|stop| stop.about(doing))?;
        let envelope = Envelope::of(&answer);
        match envelope.filter(|envelope| !envelope.wrap_info.is_null() || is_it(envelope)) {
            Some(envelope) => envelope.print(self),
            None => Err(self.not_understood().about(doing)),
        }
    }

    /// Makes a call that does something and tells nothing, but perhaps warnings.
    pub fn order(&mut self, call: Call) -> Result<Answer, Stop> {
        let answer = self.send(call)?;
        match &answer.body {
            body if body.is_null() || Envelope::is(body) => Ok(answer),
            _ => Err(self.not_understood()),
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
