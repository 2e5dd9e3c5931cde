//! Comparisons as JSON, for the command line and for editors.

use image_model::origin::Site;
use image_python::json::Places;
use serde_json::{Map, Value, json};

use super::error::AskError;
use super::verify::{Compared, Verdict, Verified};

/// Version of the documents; raised when a reader would have to change.
pub const SCHEMA_VERSION: u32 = 1;

/// What came of a file.
#[must_use]
pub fn verified(verified: &Verified, path: &str, places: &mut Places<'_>) -> Value {
    let images: Vec<Value> =
        verified.images.iter().map(|image| compared(image, &verified.flyte, places)).collect();
    json!({
        "path": path,
        "images": images,
        "raises": verified.raises,
        "seconds": verified.took.as_secs_f64(),
    })
}

/// The interpreter that was asked.
#[must_use]
pub fn python(verified: &Verified) -> Value {
    let python = &verified.python;
    json!({ "python": python.program, "from": python.from, "flyte_version": verified.flyte })
}

fn compared(image: &Compared, flyte: &str, places: &mut Places<'_>) -> Value {
    let reason = if let Verdict::NotComparable(reason) = &image.verdict { Some(reason) } else { None };
    let difference = match &image.verdict {
        Verdict::Different(found) => {
            let value = json!({
                "part": found.part.name(),
                "predicted": found.predicted,
                "actual": found.actual,
                "method": found.method,
                "message": found.message(flyte),
            });
            Some(at(value, found.site.as_ref(), places))
        }
        _ => None,
    };
    let value = json!({
        "names": image.names,
        "predicted": image.predicted,
        "uri": image.uri,
        "verdict": image.verdict.name(),
        "reason": reason,
        "difference": difference,
    });
    at(value, image.site.as_ref(), places)
}

/// A file about which flyte could not be asked.
#[must_use]
pub fn problem(error: &AskError, path: &str, places: &mut Places<'_>) -> Value {
    let trace = if let AskError::Raised(raised) = error { raised.trace.clone() } else { Vec::new() };
    let value = json!({ "message": error.to_string(), "help": error.advice(), "trace": trace, "path": path });
    at(value, error.site(), places)
}

/// With `path` and `range`, where there is a place.
fn at(value: Value, site: Option<&Site>, places: &mut Places<'_>) -> Value {
    let mut object = if let Value::Object(object) = value { object } else { Map::new() };
    if let Some(site) = site {
        object.insert("path".to_owned(), json!(places.path(&site.path)));
        object.insert("range".to_owned(), json!(places.range(site)));
    }
    Value::Object(object)
}
