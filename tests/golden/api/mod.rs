//! What real servers of Vault's API answered.
//!
//! A step is sent as it was recorded and passes when it is answered as Vault 1.10 did or, where
//! the recording holds that too, as a newer server did (`newer`).

mod compare;
mod fill;
mod normal;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::support::http::Reply;
use crate::support::{ROOT, Server};
use crate::{Replay, read, recordings, replay_all};
use compare::unlike;

#[test]
fn recorded_answers_are_given() {
    replay_all("", replay);
}

#[test]
fn placeholders_stand_for_themselves() {
    for path in recordings("") {
        let recording: Value = read(&path);
        for step in recording["steps"].as_array().unwrap() {
            assert_eq!(normal::normal(&step["answer"], ""), step["answer"], "{}", path.display());
        }
    }
}

fn replay(recording: &Value, replay: &mut Replay<'_>) {
    let server = Server::dev();
    let mut player = Player::new(&server);
    for (index, step) in recording["steps"].as_array().unwrap().iter().enumerate() {
        if let Some(seconds) = step["sleep"].as_f64() {
            // A part of the recording: what it waits for is a time that it has set itself.
            std::thread::sleep(Duration::from_secs_f64(seconds));
            continue;
        }
        let answer = player.send(step);
        let unlike_recorded = unlike(step, &answer);
        let as_newer = !unlike_recorded.is_empty()
            && step
                .get("newer")
                .is_some_and(|newer| unlike(&over(step, newer), &answer).is_empty());
        replay.outcome.as_newer += usize::from(as_newer);
        let fault =
            (!unlike_recorded.is_empty() && !as_newer).then(|| describe(step, &unlike_recorded));
        replay.judge(index + 1, fault);
    }
}

/// The step with what a newer server answered in its place.
fn over(step: &Value, newer: &Value) -> Value {
    let mut both = step.as_object().unwrap().clone();
    both.extend(newer.as_object().unwrap().clone());
    Value::Object(both)
}

fn describe(step: &Value, unlike: &[compare::Unlike]) -> String {
    let said = |key: &str| step[key].as_str().unwrap_or_default();
    let mut text = format!("[{}] {} ", said("case"), said("method"));
    let _ = write!(text, "{} {:.200}", said("path"), said("body"));
    for one in unlike.iter().take(12) {
        let (recorded, here) = (one.recorded.to_string(), one.here.to_string());
        let _ = write!(text, "\n    {}: recorded {recorded:.200}  here {here:.200}", one.place);
    }
    text
}

/// Sends the steps of a recording and keeps what they save.
struct Player<'a> {
    server: &'a Server,
    names: Map<String, Value>,
}

impl<'a> Player<'a> {
    fn new(server: &'a Server) -> Self {
        let url = format!("http://{}", server.address);
        let names = [("root", ROOT.into()), ("none", "".into()), ("URL", url.into())];
        Self { server, names: names.map(|(k, v)| (k.to_owned(), v)).into_iter().collect() }
    }

    /// The answer, in the form in which answers were recorded.
    fn send(&mut self, step: &Value) -> Value {
        let reply = self.exchange(step);
        let Some(reply) = reply else {
            return json!({"status": 0, "content_type": "", "answer": {"<no answer>": true}});
        };
        let said = match serde_json::from_slice::<Value>(&reply.body) {
            _ if reply.body.is_empty() => Value::Null,
            Ok(document) => document,
            Err(_) => json!({"<raw>": String::from_utf8_lossy(&reply.body)}),
        };
        for (name, place) in step["save"].as_object().unwrap() {
            let value = compare::dig(&said, place.as_str().unwrap());
            self.names.insert(name.clone(), value.unwrap_or_else(|| "".into()));
        }
        let url = self.names["URL"].as_str().unwrap();
        let own = normal::own(&said, url);
        let mut answer = json!({
            "status": reply.status,
            "content_type": reply.header("content-type").unwrap_or_default(),
            "answer": normal::normal(&own, ""),
        });
        if let Some(exact) = step["exact"].as_object() {
            let missing = |recorded: &Value| match recorded.as_str() {
                // What the recorder said where a field was not there either.
                Some(why) if why.starts_with("! ") => recorded.clone(),
                _ => "!".into(),
            };
            let held = |(place, recorded): (&String, &Value)| {
                let value = compare::dig(&said, place).unwrap_or_else(|| missing(recorded));
                (place.clone(), value)
            };
            answer["exact"] = exact.iter().map(held).collect();
        }
        if let Some(read) = step["read"].as_object() {
            let says = |place: &String| normal::token(&compare::dig(&said, place)?);
            answer["read"] = read.keys().map(|place| (place.clone(), json!(says(place)))).collect();
        }
        answer
    }

    fn exchange(&self, step: &Value) -> Option<Reply> {
        let path = fill::text(step["path"].as_str().unwrap(), &self.names);
        let target = if path.starts_with('/') { path } else { format!("/v1/{path}") };
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        headers.insert("X-Vault-Request".to_owned(), "true".to_owned());
        let who = step["as"].as_str().unwrap();
        if let Some(token) = self.names.get(who).and_then(Value::as_str).filter(|t| !t.is_empty()) {
            headers.insert("X-Vault-Token".to_owned(), token.to_owned());
        }
        for (name, value) in step["headers"].as_object().unwrap() {
            headers.insert(name.clone(), fill::text(value.as_str().unwrap(), &self.names));
        }
        headers.retain(|_, value| value != "(none)");
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = match &step["body"] {
            Value::Null => None,
            Value::String(body) => Some(fill::body(body, &self.names)),
            other => Some(fill::body(&other.to_string(), &self.names)),
        };
        let method = step["method"].as_str().unwrap();
        let body = body.as_deref().filter(|body| !body.is_empty()).map(str::as_bytes);
        self.server.client().try_send(method, &target, &headers, body).ok()
    }
}
