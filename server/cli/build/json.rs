//! Events as JSON on standard output, one a line.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use image_build::flyte::AskError;
use image_build::{BuildError, Built, Event, Refusal};
use image_manifests::fs::FileSystem;
use image_model::origin::Site;
use image_python::json::Places;
use serde_json::{Map, Value, json};

use super::{Progress, places};

pub(super) struct Json {
    fs: Arc<dyn FileSystem>,
    directory: PathBuf,
}

impl Json {
    pub(super) fn new(fs: Arc<dyn FileSystem>, directory: PathBuf) -> Self {
        Self { fs, directory }
    }

    fn write(&self, value: &Value) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, value)?;
        writeln!(out)?;
        out.flush()
    }
}

/// Adds `path` and `range`, where there is a place.
fn at(mut value: Value, site: Option<&Site>, places: &mut Places<'_>) -> Value {
    if let (Some(site), Some(object)) = (site, value.as_object_mut()) {
        object.insert("path".to_owned(), json!(places.path(&site.path)));
        object.insert("range".to_owned(), json!(places.range(site)));
    }
    value
}

/// Leaves out what is not there.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            Value::Object(object.into_iter().filter(|(_, v)| !v.is_null()).collect::<Map<String, Value>>())
        }
        other => other,
    }
}

fn event(event: &Event, places: &mut Places<'_>) -> Value {
    match event {
        Event::Started { uri, engine } => json!({"event": "started", "uri": uri, "engine": engine}),
        Event::Exists { uri, place } => json!({"event": "exists", "uri": uri, "place": place.name()}),
        Event::Context { files, bytes } => json!({"event": "context", "files": files, "bytes": bytes}),
        Event::Step(step) => {
            let value = json!({
                "event": "step",
                "id": step.id,
                "name": step.name,
                "number": step.number.map(|(number, _)| number),
                "total": step.number.map(|(_, total)| total),
                "platform": step.platform,
                "state": step.state.name(),
                "seconds": step.seconds,
                "dockerfile_line": step.line,
                "method": step.method,
            });
            at(value, step.site.as_ref(), places)
        }
        Event::Log { step, error, line } => {
            let stream = if *error { "stderr" } else { "stdout" };
            json!({"event": "log", "step": step, "stream": stream, "line": line})
        }
        Event::Warning { message, rule, site } => {
            at(json!({"event": "warning", "message": message, "rule": rule}), site.as_ref(), places)
        }
        Event::Run { name, url } => json!({"event": "run", "name": name, "url": url}),
        Event::Pushed { uri, digest } => json!({"event": "pushed", "uri": uri, "digest": digest}),
    }
}

fn failed(error: &BuildError, places: &mut Places<'_>) -> Value {
    let mut value = json!({"event": "failed", "message": error.to_string(), "advice": error.advice()});
    let Some(object) = value.as_object_mut() else { return value };
    match error {
        BuildError::Failed(failure) => {
            let more = json!({
                "said": failure.said,
                "instruction": failure.instruction,
                "dockerfile": failure.dockerfile.as_ref().map(|path| places.path(path)),
                "dockerfile_lines": failure.lines.map(|(first, last)| [first, last]),
                "method": failure.method,
                "log": failure.log,
            });
            object.extend(more.as_object().cloned().unwrap_or_default());
        }
        BuildError::Refused(refusals) => {
            let rule = refusals.first().and_then(|r| r.rule);
            let all: Vec<Value> = refusals.iter().map(|r| refusal(r, places)).collect();
            object.insert("rule".to_owned(), json!(rule));
            object.insert("reasons".to_owned(), json!(all));
        }
        BuildError::Flyte(AskError::Raised(raised)) => {
            let more = json!({
                "exception": raised.exception,
                "fault": raised.fault,
                "code": raised.code,
                "trace": raised.trace,
            });
            object.extend(more.as_object().cloned().unwrap_or_default());
        }
        BuildError::Flyte(AskError::Run(run)) => {
            object.extend(
                json!({ "url": run.url, "phase": run.phase }).as_object().cloned().unwrap_or_default(),
            );
        }
        _ => {}
    }
    at(value, error.site(), places)
}

fn refusal(refusal: &Refusal, places: &mut Places<'_>) -> Value {
    let value = json!({"message": refusal.message, "rule": refusal.rule});
    without_nulls(at(value, refusal.site.as_ref(), places))
}

impl Progress for Json {
    fn event(&mut self, told: &Event) {
        let value = event(told, &mut places(&*self.fs, &self.directory));
        // Whoever does not listen any more hears of the end in the exit status.
        let _ = self.write(&without_nulls(value));
    }

    fn finished(&mut self, built: &Built) -> std::io::Result<()> {
        let uri = Some(&built.uri).filter(|_| built.started.is_none());
        let run = built.started.as_ref().map(|run| json!({ "name": run.name, "url": run.url }));
        let mut value = json!({
            "event": "finished", "uri": uri, "digest": built.digest, "id": built.id, "status": built.status()
        });
        if let Some(run) = run {
            value["run"] = run;
        }
        self.write(&value)
    }

    fn failed(&mut self, error: &BuildError) -> std::io::Result<()> {
        let value = failed(error, &mut places(&*self.fs, &self.directory));
        self.write(&without_nulls(value))
    }
}
