//! From a reply or a fault to the response on the wire: Vault's envelope.

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::api::reply::{Content, Reply, Response, ResponseBody};
use crate::base::fault::Fault;

const JSON: &str = "application/json";

/// The response of a request that was carried out.
pub fn reply(reply: Reply, request_id: &str) -> Response {
    let status = reply.status;
    let body = match reply.content {
        Content::Nothing => ResponseBody::Whole(JSON, Zeroizing::default()),
        Content::Body(body) => body,
        Content::Bare(document) => json_body(&document),
        Content::Data(data) => {
            let data = data.map_or(Value::Null, Value::Object);
            json_body(&envelope(Map::new(), data, request_id, reply.lease_duration, reply.warnings))
        }
        Content::DataAtTop(data) => {
            let top = data.clone();
            let data = Value::Object(data);
            json_body(&envelope(top, data, request_id, reply.lease_duration, reply.warnings))
        }
    };
    Response { status, headers: Vec::new(), body }
}

/// The response of a request that was refused.
pub fn fault(fault: &Fault) -> Response {
    let body = json_body(&json!({ "errors": fault.errors }));
    Response { status: fault.status, headers: fault.headers.clone(), body }
}

fn envelope(
    mut top: Map<String, Value>,
    data: Value,
    request_id: &str,
    lease_duration: i64,
    warnings: Vec<String>,
) -> Value {
    let warnings = if warnings.is_empty() { Value::Null } else { warnings.into() };
    let Value::Object(envelope) = json!({
        "request_id": request_id,
        "lease_id": "",
        "renewable": false,
        "lease_duration": lease_duration,
        "data": data,
        "wrap_info": null,
        "warnings": warnings,
        "auth": null,
    }) else {
        return Value::Null;
    };
    top.extend(envelope);
    Value::Object(top)
}

fn json_body(document: &Value) -> ResponseBody {
    let mut bytes = serde_json::to_vec(document).unwrap_or_default();
    bytes.push(b'\n');
    ResponseBody::Whole(JSON, Zeroizing::new(bytes))
}
