//! Outcomes as JSON objects.

use crate::format;
use cresset::{Error, Slice, Span, Trap, Value};
use serde_json::{Map, Value as Json, json};

/// The code of an error that is the machine's, not the text's.
const MACHINE: &str = "E0900";

/// `{"ok":…}`, `{"trap":…}` or `{"errors":[…]}`, and what was printed beside.
pub fn outcome(outcome: &Result<Value, Error>, output: String) -> Json {
    let (key, body) = match outcome {
        Ok(value) => ("ok", value_json(value)),
        Err(Error::Trap(trap)) => ("trap", trap_json(trap)),
        Err(error) => ("errors", errors(error)),
    };
    let mut object = Map::new();
    object.insert(key.to_owned(), body);
    if !output.is_empty() {
        object.insert("output".to_owned(), Json::String(output));
    }
    Json::Object(object)
}

fn bits64(x: f64) -> Json {
    Json::String(format!("0x{:016x}", x.to_bits()))
}

fn value_json(value: &Value) -> Json {
    let ty = value.ty().to_string();
    match value {
        Value::Unit => json!({ "type": ty }),
        Value::F64(x) => json!({ "type": ty, "value": format::float(*x), "bits": bits64(*x) }),
        Value::I64(n) => json!({ "type": ty, "value": n.to_string() }),
        Value::Bool(b) => json!({ "type": ty, "value": b }),
        Value::Array(array) => {
            let slice = array.as_slice();
            let values: Vec<Json> = match slice {
                Slice::Bool(bools) => bools.iter().map(|b| Json::Bool(*b)).collect(),
                other => format::elements(other).into_iter().map(Json::String).collect(),
            };
            match slice {
                Slice::F64(s) => {
                    json!({ "type": ty, "value": values, "bits": s.iter().map(|x| bits64(*x)).collect::<Vec<_>>() })
                }
                Slice::F32(s) => {
                    let bits: Vec<String> = s.iter().map(|x| format!("0x{:08x}", x.to_bits())).collect();
                    json!({ "type": ty, "value": values, "bits": bits })
                }
                _ => json!({ "type": ty, "value": values }),
            }
        }
    }
}

fn span(span: Span) -> Json {
    json!([span.start, span.end])
}

fn trap_json(trap: &Trap) -> Json {
    let mut object = Map::new();
    object.insert("kind".to_owned(), json!(trap.kind.name()));
    object.insert("span".to_owned(), span(trap.span));
    if let Some((index, len)) = trap.bounds {
        object.insert("index".to_owned(), json!(index));
        object.insert("len".to_owned(), json!(len));
    }
    if !trap.stack.is_empty() {
        let frames: Vec<Json> =
            trap.stack.iter().map(|frame| json!({ "function": &*frame.function, "call": span(frame.call) })).collect();
        object.insert("stack".to_owned(), Json::Array(frames));
        object.insert("frames_left_out".to_owned(), json!(trap.frames_left_out));
    }
    if let Some(host) = &trap.host {
        object.insert("message".to_owned(), json!(host.message));
    }
    if let Some(fuel) = trap.fuel_left {
        object.insert("fuel_left".to_owned(), json!(fuel));
    }
    Json::Object(object)
}

fn errors(error: &Error) -> Json {
    let diagnostics = error.diagnostics();
    if diagnostics.is_empty() {
        return json!([{ "code": MACHINE, "message": error.to_string(), "span": [0, 0] }]);
    }
    let one = |diagnostic: &cresset::Diagnostic| {
        let mut object = Map::new();
        object.insert("code".to_owned(), json!(diagnostic.code));
        object.insert("message".to_owned(), json!(diagnostic.message));
        object.insert("span".to_owned(), span(diagnostic.span));
        if let Some(help) = &diagnostic.help {
            object.insert("help".to_owned(), json!(help));
        }
        Json::Object(object)
    };
    Json::Array(diagnostics.iter().map(one).collect())
}
