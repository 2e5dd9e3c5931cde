//! What a build prints: `imageLsp/buildLog` for clients that take it, `window/logMessage` for all others.

use image_build::{Event, State, Step};
use serde_json::json;
use tower_lsp::ls_types::{LogMessageParams, MessageType, NumberOrString};

use crate::diagnose::Session;

/// Where lines go.
#[derive(Clone)]
pub(super) struct Log {
    session: Session,
    token: Option<NumberOrString>,
}

impl Log {
    pub(super) fn new(session: &Session, token: Option<NumberOrString>) -> Self {
        Self { session: session.clone(), token }
    }

    /// Sends a line of a stream: `stdout`, `stderr`, `status` or `warning`.
    pub(super) fn line(&self, stream: &str, line: &str) {
        if self.session.state.client().build_log {
            let parameters = json!({ "token": self.token, "stream": stream, "line": line });
            self.session.notify("imageLsp/buildLog", parameters);
            return;
        }
        let typ = if stream == "warning" { MessageType::WARNING } else { MessageType::LOG };
        self.session.notify("window/logMessage", LogMessageParams { typ, message: line.to_owned() });
    }

    /// The call that a step comes from, in a form that editors know as a link: ` (with_commands at /a/b.py:4:6)`.
    fn origin(&self, step: &Step) -> Option<String> {
        let (site, method) = step.site.as_ref().zip(step.method)?;
        let start = self.session.state.locate(site)?.range.start;
        let path = site.path.display();
        Some(format!(" ({method} at {path}:{}:{})", start.line + 1, start.character + 1))
    }

    /// Sends what happened.
    pub(super) fn event(&self, event: &Event) {
        match event {
            Event::Started { uri, engine } => self.line("status", &format!("building {uri} with {engine}")),
            Event::Exists { uri, place } => {
                self.line("status", &format!("{uri} is already there, in the {}", place.name()));
            }
            Event::Context { files, bytes } => {
                self.line("status", &format!("context: {files} files, {bytes} bytes sent"));
            }
            Event::Step(step) => {
                let number = step.number.map(|(n, m)| format!("[{n}/{m}] ")).unwrap_or_default();
                let state = if step.state == State::Running { "" } else { step.state.name() };
                let text = format!("{number}{} {state}", step.name);
                let origin = if state.is_empty() { self.origin(step) } else { None };
                self.line("status", &format!("{}{}", text.trim_end(), origin.unwrap_or_default()));
            }
            Event::Log { error, line, .. } => self.line(if *error { "stderr" } else { "stdout" }, line),
            Event::Warning { message, rule, .. } => {
                let rule = rule.map(|code| format!("{code}: ")).unwrap_or_default();
                self.line("warning", &format!("{rule}{message}"));
            }
            Event::Run { url, .. } => self.line("status", &format!("the build runs at {url}")),
            Event::Pushed { uri, .. } => self.line("status", &format!("pushed {uri}")),
        }
    }
}
