//! From a settled reply or a fault to the response on the wire: Vault's envelope.

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::settle::Settled;
use super::wrapping;
use crate::api::reply::{Auth, Content, Reply, Response, ResponseBody, WrapInfo};
use crate::base::fault::Fault;
use crate::base::json;

const JSON: &str = "application/json";

/// The response of a request that was carried out.
pub fn settled(settled: Settled) -> Response {
    let status = settled.reply.status;
    let body = match document(settled) {
        Ok(document) => json_body(document),
        Err(settled) => match settled.reply.content {
            Content::Wrapped(info) => json_body(wrapped(&info)),
            Content::Body(body) => body,
            _ => ResponseBody::Whole(JSON, Zeroizing::default()),
        },
    };
    Response::new(status, body)
}

/// The response of a request that was refused.
pub fn fault(fault: &Fault) -> Response {
    let body = json_body(json!({ "errors": fault.errors }));
    Response { headers: fault.headers.clone(), ..Response::new(fault.status, body) }
}

/// The JSON that a reply is sent as; the reply itself when it is no JSON, or wrapped.
pub fn document(settled: Settled) -> Result<Value, Box<Settled>> {
    let Settled { mut reply, request_id, held } = settled;
    let (top, data) = match reply.content {
        Content::Nothing | Content::Body(_) | Content::Wrapped(_) => {
            return Err(Box::new(Settled { reply, request_id, held }));
        }
        Content::Bare(document) => return Ok(document),
        Content::Data(data) => (Map::new(), data.map_or(Value::Null, Value::Object)),
        Content::DataAtTop(data) => (data.clone(), Value::Object(data)),
    };
    reply.content = Content::Nothing;
    Ok(envelope(top, data, &request_id, reply))
}

/// The envelope around a wrapping token.
fn wrapped(info: &WrapInfo) -> Value {
    let mut envelope = envelope(Map::new(), Value::Null, "", Reply::nothing());
    envelope["wrap_info"] = wrapping::shown(info);
    envelope
}

fn envelope(mut top: Map<String, Value>, data: Value, request_id: &str, reply: Reply) -> Value {
    let warnings = if reply.warnings.is_empty() { Value::Null } else { reply.warnings.into() };
    let auth = match reply.auth {
        Auth::Shown(auth) => Value::Object(auth),
        Auth::None | Auth::Login(_) => Value::Null,
    };
    let Value::Object(envelope) = json!({
        "request_id": request_id,
        "lease_id": "",
        "renewable": false,
        "lease_duration": reply.lease_duration,
        "data": data,
        "wrap_info": null,
        "warnings": warnings,
        "auth": auth,
    }) else {
        return Value::Null;
    };
    top.extend(envelope);
    Value::Object(top)
}

/// The text of a document, which is wiped: it may hold secrets.
fn json_body(mut document: Value) -> ResponseBody {
    let text = json::line(&document).unwrap_or_default();
    json::wipe(&mut document);
    ResponseBody::Whole(JSON, text)
}
