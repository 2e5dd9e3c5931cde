//! Why the installed flyte gave no answer, each with what to do next.

use std::path::PathBuf;

use image_model::origin::Site;
use thiserror::Error;

use super::child::Phase;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AskError {
    /// The project has no interpreter.
    #[error(
        "no Python was found for this project: neither by --python or the setting, nor by VIRTUAL_ENV, CONDA_PREFIX, .venv, \
         pixi's environment, .python-version or PATH"
    )]
    NoPython,
    /// The interpreter cannot be started.
    #[error("{program} ({from}) cannot be started: {message}")]
    Start {
        /// The program.
        program: String,
        /// Where it comes from.
        from: String,
        /// What the system says.
        message: String,
    },
    /// There is no flyte 2 in its environment, or one that cannot be imported.
    #[error("{message} in {program} ({from})")]
    NoFlyte {
        /// What is the matter.
        message: String,
        /// It is there, and cannot be imported.
        is_there: bool,
        /// The program.
        program: String,
        /// Where it comes from.
        from: String,
    },
    /// What was started is no Python 3, or died.
    #[error("{program} ended without an answer while it {doing}{}", tail(.log))]
    Silent {
        /// The program.
        program: String,
        /// What it did last.
        doing: &'static str,
        /// What it printed last.
        log: Vec<String>,
    },
    /// A phase took too long.
    #[error("{program} was stopped: for {seconds} seconds it {doing}{}", tail(.log))]
    TimedOut {
        /// The program.
        program: String,
        /// What it did.
        doing: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// What it printed last.
        log: Vec<String>,
    },
    /// flyte or the file raised an exception.
    #[error(transparent)]
    Raised(Box<Raised>),
    /// The run on flyte's backend ended without an image.
    #[error(transparent)]
    Run(Box<FailedRun>),
    /// The user stopped it.
    #[error("cancelled{}", .run.as_ref().map(|run| format!(": the run {run} goes on")).unwrap_or_default())]
    Cancelled {
        /// The run that goes on.
        run: Option<String>,
    },
    /// What the child needs cannot be written.
    #[error("a folder for temporary files cannot be made in {}: {message}", .folder.display())]
    Folder {
        /// Where.
        folder: PathBuf,
        /// What the system says.
        message: String,
    },
}

/// An exception in the child.
#[derive(Debug, Clone, PartialEq, Eq, Default, Error)]
#[error("{}", raised(self))]
pub struct Raised {
    /// Its class; empty where it is no exception.
    pub exception: String,
    /// Whose fault it is, as flyte sees it: `user` or `system`.
    pub fault: Option<String>,
    /// flyte's own code of the error.
    pub code: Option<String>,
    /// Its text.
    pub message: String,
    /// The line of the user's file that led to it.
    pub site: Option<Site>,
    /// The lines of the user's files that led to it, `path:line in function`, the innermost last.
    pub trace: Vec<String>,
    /// The page of a run of flyte's backend that may go on.
    pub run: Option<String>,
}

/// A run that ended without an image.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the build {phase} at {url}{}", said(message.as_deref()))]
pub struct FailedRun {
    /// How it ended: `failed`, `aborted`, `timed_out`.
    pub phase: String,
    /// Its page.
    pub url: String,
    /// What it says.
    pub message: Option<String>,
    /// The place in the Python source that the message is about: the very string, else the image.
    pub site: Option<Site>,
    /// The call in which it stands.
    pub call: Option<Site>,
}

fn tail(log: &[String]) -> String {
    if log.is_empty() { String::new() } else { format!(":\n{}", log.join("\n")) }
}

fn said(message: Option<&str>) -> String {
    message.map(str::trim).filter(|m| !m.is_empty()).map(|m| format!(": {m}")).unwrap_or_default()
}

fn raised(raised: &Raised) -> String {
    let Raised { exception, fault, code, message, .. } = raised;
    if exception.is_empty() {
        return message.clone();
    }
    let code = code.as_ref().filter(|code| *code != exception);
    let more: Vec<&str> = fault.iter().chain(code).map(String::as_str).collect();
    let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
    format!("{exception}{more}: {message}")
}

impl AskError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let choose = "choose another interpreter with --python PATH, the setting python, or VIRTUAL_ENV";
        Some(match self {
            Self::NoPython | Self::Start { .. } => choose.to_owned(),
            Self::NoFlyte { program, is_there: true, .. } => {
                format!("see what {program} -c 'import flyte' says, and mend the environment; or {choose}")
            }
            Self::NoFlyte { program, .. } => {
                format!("install flyte there (uv pip install --python {program} flyte), or {choose}")
            }
            Self::Silent { .. } => format!("see whether it runs the file: python FILE; or {choose}"),
            Self::TimedOut { doing, .. } if *doing == Phase::Start.doing() => choose.to_owned(),
            Self::TimedOut { .. } => {
                "what the file does when it is imported has to end; verify --timeout gives it more time"
                    .to_owned()
            }
            Self::Raised(raised) => return advice_on(raised),
            Self::Run(run) => format!("the log of the build is at {}", run.url),
            Self::Cancelled { run: Some(run) } => format!("to end it, too: flyte abort run {run}"),
            Self::Cancelled { run: None } => return None,
            Self::Folder { .. } => "set TMPDIR to a folder that can be written to".to_owned(),
        })
    }

    /// The place in the Python source that it is about.
    #[must_use]
    pub fn site(&self) -> Option<&Site> {
        match self {
            Self::Raised(raised) => raised.site.as_ref(),
            Self::Run(run) => run.site.as_ref(),
            _ => None,
        }
    }
}

/// What to do about what flyte is known to raise.
fn advice_on(raised: &Raised) -> Option<String> {
    let known = [
        ("Project must be provided", "set task.project and task.domain in flyte's configuration"),
        (
            "remote image builder is not enabled",
            "the backend has no task build-image in the project system: ask whoever runs it, or build with --builder local",
        ),
        ("Service is unavailable", "check admin.endpoint in flyte's configuration, and that the server runs"),
        (
            "ermission denied",
            "ask for the right to write to the project, or choose another one in flyte's configuration",
        ),
        (
            "PermissionDenied",
            "ask for the right to write to the project, or choose another one in flyte's configuration",
        ),
        ("Custom Dockerfile is not supported", "build it with --builder local"),
        ("endpoint or api_key must be provided", "set admin.endpoint in flyte's configuration"),
        ("client has not been initialized", "set admin.endpoint in flyte's configuration"),
    ];
    if let Some(url) = &raised.run {
        return Some(format!("the run may go on at {url}; building again finds what it builds"));
    }
    let text = format!("{} {}", raised.exception, raised.message);
    known.iter().find(|(part, _)| text.contains(part)).map(|(_, advice)| (*advice).to_owned())
}
