//! `workspace/executeCommand`: the commands, each taking one object `{uri, name, range}`.

use image_model::origin::Site;
use image_python::inspect::ImageReport;
use image_python::json::{self, Places};
use image_rules::{Rule, covering, rules};
use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::{Position, Range, Uri};

use crate::analysis::Analysis;
use crate::cursor;
use crate::preview;
use crate::state::State;
use crate::status;

/// Shows an image's Dockerfile.
pub(crate) const SHOW_DOCKERFILE: &str = "imageLsp.showDockerfile";
/// Everything that is known of an image.
const INSPECT: &str = "imageLsp.inspect";
/// A rule's documentation.
const EXPLAIN_RULE: &str = "imageLsp.explainRule";
/// What an issue report needs.
pub(crate) const DEBUG_INFO: &str = "imageLsp.debugInfo";
/// The server, the environment and the images of a file.
const STATUS: &str = "imageLsp.status";
/// Builds an image.
pub(crate) const BUILD: &str = "imageLsp.build";
/// Compares with the installed flyte.
pub(crate) const VERIFY: &str = "imageLsp.verify";
/// Copies an address: the client's.
pub(crate) const COPY_URI: &str = "imageLsp.copyUri";

/// The commands that the server runs.
pub(crate) const COMMANDS: [&str; 7] =
    [BUILD, VERIFY, SHOW_DOCKERFILE, INSPECT, STATUS, EXPLAIN_RULE, DEBUG_INFO];

/// Whether a command can be run, here or by the client.
pub(crate) fn can_run(command: &str, state: &State) -> bool {
    COMMANDS.contains(&command) || state.client().runs(command)
}

/// What a command answers, and a document to show where the client shows documents.
pub(crate) struct Answer {
    pub(crate) value: Value,
    pub(crate) show: Option<(String, Option<Range>)>,
}

/// Runs a command. On a worker only.
///
/// # Errors
/// Wrong arguments, and a command that there is not.
pub(crate) fn run(command: &str, argument: &Value, state: &State) -> Result<Answer> {
    let plain = |value: Value| Ok(Answer { value, show: None });
    match command {
        SHOW_DOCKERFILE => show_dockerfile(argument, state),
        INSPECT => {
            let (analysis, name) = image_of(argument, state)?;
            let image =
                preview::image_of(&analysis.report, &name).ok_or_else(|| wrong("there is no such image"))?;
            let fs = state.snapshot();
            let mut places = Places::new(&fs, |path| path.display().to_string());
            let rule = |error: &_| covering(error).map(|r: &Rule| r.code);
            plain(json!(json::image(image, &analysis.facts, &mut places, &rule)))
        }
        STATUS => plain(status::of(argument, state)),
        EXPLAIN_RULE => {
            let code =
                argument.get("rule").and_then(Value::as_str).ok_or_else(|| wrong("`rule` is missing"))?;
            let rule = rules::find(code).ok_or_else(|| wrong(&format!("there is no rule {code}")))?;
            plain(json!(rule.markdown()))
        }
        DEBUG_INFO => plain(json!(debug_info(argument, state))),
        _ => Err(Error {
            code: ErrorCode::InvalidParams,
            message: format!("there is no command {command}").into(),
            data: None,
        }),
    }
}

fn wrong(message: &str) -> Error {
    Error { code: ErrorCode::InvalidParams, message: message.to_owned().into(), data: None }
}

/// The file that a command is about, and the name of its image: that of `name`, or the one in `range`.
pub(crate) fn image_of(argument: &Value, state: &State) -> Result<(std::sync::Arc<Analysis>, String)> {
    let uri: Uri = argument
        .get("uri")
        .and_then(|u| serde_json::from_value(u.clone()).ok())
        .ok_or_else(|| wrong("`uri` is missing or no address"))?;
    let path = state.documents.file_of(&uri).ok_or_else(|| wrong("`uri` is no file"))?;
    let analysis = state.analyse(&path).ok_or_else(|| wrong("the file is not open"))?;
    if let Some(name) = argument.get("name").and_then(Value::as_str) {
        return Ok((analysis, name.to_owned()));
    }
    let image = range_of(argument)
        .and_then(|range| cursor::image_at(&analysis, analysis.byte(&uri, range.start)))
        .map(|(image, _)| image)
        .or_else(|| only(&analysis.report.images));
    let name = image
        .and_then(|i| preview::name_of(i, &analysis.report))
        .ok_or_else(|| wrong("there is no image there"))?;
    Ok((analysis, name))
}

fn only(images: &[ImageReport]) -> Option<&ImageReport> {
    match images {
        [one] => Some(one),
        _ => None,
    }
}

fn range_of(argument: &Value) -> Option<Range> {
    serde_json::from_value(argument.get("range")?.clone()).ok()
}

/// `{uri, text}`, with the lines of each layer and those of the layer in `range`. With `"show": false` the client is not
/// asked to show it: it follows the cursor in a document that is shown already.
fn show_dockerfile(argument: &Value, state: &State) -> Result<Answer> {
    let (analysis, name) = image_of(argument, state)?;
    let image = preview::image_of(&analysis.report, &name).ok_or_else(|| wrong("there is no such image"))?;
    let address = preview::address(&analysis.report.path, image, &analysis.report)
        .ok_or_else(|| wrong("the image has no address"))?;
    let (text, lines) = preview::document(&analysis, &name);
    let uri: Option<Uri> = argument.get("uri").and_then(|u| serde_json::from_value(u.clone()).ok());
    let selection = range_of(argument).zip(uri).and_then(|(range, uri)| {
        let byte = analysis.byte(&uri, range.start);
        preview::selection(&analysis, image, byte)
    });
    let line = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let layers: Vec<Value> = lines
        .iter()
        .map(|l| {
            let range = Range {
                start: Position { line: line(*l.lines.start()), character: 0 },
                end: Position { line: line(l.lines.end() + 1), character: 0 },
            };
            json!({ "range": range, "method": l.method, "source": l.site.as_ref().and_then(|s: &Site| state.locate(s)) })
        })
        .collect();
    state.previews.note(&address, &text);
    let is_shown = argument.get("show").and_then(Value::as_bool) != Some(false);
    let shown = match state.client().text_document_content {
        _ if !is_shown => None,
        true => Some(address.clone()),
        false => state.previews.write(&address, &text).and_then(Uri::from_file_path).map(|u| u.to_string()),
    };
    let show = shown.map(|uri| (uri, selection));
    let value = json!({ "uri": address, "text": text, "layers": layers, "selection": selection });
    Ok(Answer { value, show })
}

fn debug_info(argument: &Value, state: &State) -> String {
    use std::fmt::Write as _;
    let mut out = format!(
        "image-lsp {}\nserver: {} files open\n",
        env!("CARGO_PKG_VERSION"),
        state.documents.paths().len()
    );
    for root in state.roots() {
        let _ = writeln!(out, "workspace folder: {}", root.display());
    }
    let uri: Option<Uri> = argument.get("uri").and_then(|u| serde_json::from_value(u.clone()).ok());
    if let Some(path) = uri.and_then(|u| state.documents.file_of(&u)) {
        let fs = state.snapshot();
        let facts = state.facts(&path, &fs);
        let release = &facts.environment.release.version;
        let _ = writeln!(out, "file: {}\nflyte: {release} ({})", path.display(), facts.release_from);
        let python = facts.interpreter.as_ref().map_or_else(|| "not found".to_owned(), |i| i.shown.clone());
        let _ = writeln!(out, "python: {python}");
        let config =
            facts.config.as_ref().map_or_else(|| "not found".to_owned(), |c| c.path.display().to_string());
        let _ = writeln!(out, "flyte's configuration: {config}");
        let settings = state.settings(&path, &fs);
        let from =
            settings.path.as_ref().map_or_else(|| "the defaults".to_owned(), |p| p.display().to_string());
        let _ = writeln!(out, "settings: {from}");
    }
    let _ = writeln!(out, "client: {:?}", state.client());
    out
}
