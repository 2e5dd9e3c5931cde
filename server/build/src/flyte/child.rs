//! The child process: how it is started, spoken to, bounded and ended.

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::error::AskError;
use super::python::Python;
use crate::surroundings::Surroundings;

/// The program that the interpreter runs.
const DRIVER: &str = include_str!("driver.py");
/// Version of the protocol that it speaks.
const PROTOCOL: u32 = 1;
/// Bytes of one answer: an address, a Dockerfile, a traceback.
const LONGEST_ANSWER: usize = 32 << 20;
/// Bytes of one line of the log; the rest of it is left out.
const LONGEST_LINE: usize = 4096;
/// Lines of the log that are kept for messages.
const LAST_LINES: usize = 10;
/// Lines of the log that are told: a module that prints for ever is cut off.
const TOLD_LINES: usize = 20_000;
/// How long the child may take to end after each signal.
const PATIENCE: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(2)];

/// What the child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// The interpreter starts.
    #[serde(skip)]
    Start,
    /// flyte is imported.
    Flyte,
    /// The user's file is.
    Load,
    /// flyte is asked for addresses and Dockerfiles.
    Describe,
    /// It connects to its server; the user may have to log in.
    Connect,
    /// It uploads the context and starts the run.
    Submit,
    /// The run runs.
    Wait,
    /// What came of it is fetched.
    Finish,
}

impl Phase {
    /// In words, after "it".
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Self::Start => "started",
            Self::Flyte => "imported flyte",
            Self::Load => "imported the file",
            Self::Describe => "asked flyte for the images",
            Self::Connect => "connected to flyte's server",
            Self::Submit => "submitted the build",
            Self::Wait => "waited for the build",
            Self::Finish => "fetched the result",
        }
    }

    /// Whether it may take only so long: people log in and builds run as long as they like.
    fn is_ours(self) -> bool {
        matches!(self, Self::Start | Self::Flyte | Self::Load | Self::Describe)
    }
}

/// How long the child may take for each of its first phases, unless the user says otherwise.
pub const LIMIT: Duration = Duration::from_secs(120);

/// `{"ok": …}` or `{"error": …}`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Attempt {
    Ok(Option<String>),
    Error(Exception),
}

/// An exception in the child.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Exception {
    #[serde(rename = "type")]
    pub(crate) class: Option<String>,
    pub(crate) fault: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) frames: Vec<Frame>,
}

/// A line of the user's file in a traceback.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Frame {
    pub(crate) path: String,
    /// One-based.
    pub(crate) line: usize,
    pub(crate) function: String,
}

/// A method that led to an image, and the address after it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Made {
    pub(crate) method: String,
    pub(crate) uri: Option<String>,
}

/// What flyte makes of an image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Described {
    pub(crate) names: Vec<String>,
    pub(crate) uri: Attempt,
    /// Code bundles and references are resolved.
    pub(crate) resolved: bool,
    pub(crate) validate: Option<Attempt>,
    pub(crate) dockerfile: Option<Attempt>,
    /// Where the address is another one than expected.
    pub(crate) calls: Option<Vec<Made>>,
}

/// A line that the child sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Answer {
    Hello {
        protocol: u32,
        forks: bool,
    },
    Phase {
        name: Phase,
    },
    Flyte {
        version: String,
    },
    Image(Box<Described>),
    Run {
        name: String,
        url: String,
    },
    Result {
        uri: Option<String>,
        status: String,
    },
    Failed {
        phase: String,
        message: Option<String>,
    },
    Aborted,
    Error {
        kind: String,
        #[serde(flatten)]
        exception: Exception,
    },
    End,
    Ready,
}

/// Who is told the lines that the child prints.
pub(crate) type LogSink = Arc<dyn Fn(&str) + Send + Sync>;

/// A child that runs.
pub(crate) struct Child {
    running: Option<Running>,
    answers: BufReader<ChildStdout>,
    log: Arc<Mutex<VecDeque<String>>>,
    pub(crate) python: Python,
    pub(crate) phase: Phase,
    /// For each of its first phases.
    limit: Duration,
    /// It can serve several requests.
    pub(crate) forks: bool,
}

/// What has to be ended.
struct Running {
    process: tokio::process::Child,
    /// Its process group, which the guard in it leads: the guard ends last, and all others before.
    group: Option<u32>,
    /// Open as long as it may run: the guard ends the group when it closes.
    input: ChildStdin,
    reader: tokio::task::JoinHandle<()>,
    /// Removed at the end.
    folder: tempfile::TempDir,
}

impl Child {
    /// Starts the interpreter in a working directory. `limit` is for its start and each of its first phases.
    pub(crate) async fn start(
        python: &Python,
        directory: &str,
        around: &Surroundings,
        limit: Duration,
        sink: LogSink,
    ) -> Result<Self, AskError> {
        let folder = own_folder(around)?;
        let mut command = Command::new(&python.program);
        command.args(["-u", "-c", DRIVER]).current_dir(directory);
        command.env_clear().envs(&around.variables).envs(settings(folder.path()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        let failed = |message: String| AskError::Start {
            program: python.program.display().to_string(),
            from: python.from.clone(),
            message,
        };
        if !std::path::Path::new(directory).is_dir() {
            return Err(failed(format!("there is no folder {directory} to start it in")));
        }
        let mut process = command.spawn().map_err(|error| failed(error.to_string()))?;
        let (Some(input), Some(output), Some(errors)) =
            (process.stdin.take(), process.stdout.take(), process.stderr.take())
        else {
            return Err(failed("it has no streams".to_owned()));
        };
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let reader = tokio::spawn(read_log(BufReader::new(errors), Arc::clone(&log), sink));
        let group = process.id();
        let mut child = Self {
            running: Some(Running { process, group, input, reader, folder }),
            answers: BufReader::new(output),
            log,
            python: python.clone(),
            phase: Phase::Start,
            limit,
            forks: false,
        };
        match child.answer().await? {
            Answer::Hello { protocol: PROTOCOL, forks } => {
                child.forks = forks;
                Ok(child)
            }
            _ => Err(child.silent()),
        }
    }

    /// The folder for temporary files that the child has.
    pub(crate) fn folder(&self) -> String {
        self.running.as_ref().map(|r| r.folder.path().display().to_string()).unwrap_or_default()
    }

    /// Sends a request.
    pub(crate) async fn ask(&mut self, request: &Value) -> Result<(), AskError> {
        let line = format!("{request}\n");
        let sent = match &mut self.running {
            Some(running) => running.input.write_all(line.as_bytes()).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(self.silent()) }
    }

    /// The next answer. Phases are noted, and answered, too.
    pub(crate) async fn answer(&mut self) -> Result<Answer, AskError> {
        let limit = Some(self.limit).filter(|_| self.phase.is_ours());
        let line = match limit {
            Some(limit) => match timeout(limit, read_line(&mut self.answers, LONGEST_ANSWER)).await {
                Ok(line) => line,
                Err(_) => {
                    let error = AskError::TimedOut {
                        program: self.python.program.display().to_string(),
                        doing: self.phase.doing(),
                        seconds: limit.as_secs(),
                        log: self.last_lines(),
                    };
                    self.stop().await;
                    return Err(error);
                }
            },
            None => read_line(&mut self.answers, LONGEST_ANSWER).await,
        };
        let Some(answer) = line.and_then(|line| serde_json::from_slice::<Answer>(&line).ok()) else {
            // What it printed last arrives with its end.
            self.stop().await;
            return Err(self.silent());
        };
        if let Answer::Phase { name } = answer {
            self.phase = name;
        }
        Ok(answer)
    }

    /// The last lines that it printed.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn silent(&self) -> AskError {
        AskError::Silent {
            program: self.python.program.display().to_string(),
            doing: self.phase.doing(),
            log: self.last_lines(),
        }
    }

    /// Ends the child, whatever it does, and everything that it started.
    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end().await;
        }
    }

    /// Waits until the child, which has answered everything, has ended.
    pub(crate) async fn finish(&mut self) {
        if let Some(mut running) = self.running.take() {
            if timeout(PATIENCE[1], running.process.wait()).await.is_err() {
                return running.end().await;
            }
            running.release().await;
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(running.end())),
            // Its guard ends it, since its input closes now.
            Err(_) => running.signal(Signal::Kill),
        }
    }
}

/// What a process can be told.
#[derive(Debug, Clone, Copy)]
enum Signal {
    Interrupt,
    Terminate,
    Kill,
}

impl Running {
    /// Interrupts it, which Python code sees; then terminates, then kills it.
    async fn end(mut self) {
        let mut has_ended = matches!(self.process.try_wait(), Ok(Some(_)));
        for (signal, patience) in [Signal::Interrupt, Signal::Terminate].into_iter().zip(PATIENCE) {
            if !has_ended {
                self.signal(signal);
                has_ended = timeout(patience, self.process.wait()).await.is_ok();
            }
        }
        if !has_ended {
            self.signal(Signal::Kill);
            // Where there are no groups.
            let _ = self.process.start_kill();
            let _ = self.process.wait().await;
        }
        self.release().await;
    }

    /// Reads what was printed by a process that has ended, and tidies up.
    async fn release(self) {
        drop(self.input);
        // Somebody who left the group may hold the other end.
        let abort = self.reader.abort_handle();
        if timeout(Duration::from_millis(500), self.reader).await.is_err() {
            abort.abort();
        }
        drop(self.folder);
    }

    #[cfg(unix)]
    fn signal(&self, signal: Signal) {
        use rustix::process::{Pid, Signal as Kind, kill_process_group};
        let group = self.group.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let signal = match signal {
            Signal::Interrupt => Kind::INT,
            Signal::Terminate => Kind::TERM,
            Signal::Kill => Kind::KILL,
        };
        // Whoever is gone cannot be told.
        let _ = group.map(|group| kill_process_group(group, signal));
    }

    /// Windows has no signals for processes without a console: closing the input and the kill that follows have to do.
    #[cfg(not(unix))]
    fn signal(&self, _signal: Signal) {}
}

/// What is set for the child on top of the user's environment.
fn settings(folder: &std::path::Path) -> Vec<(&'static str, String)> {
    let folder = folder.join("tmp").display().to_string();
    let mut all: Vec<(&str, String)> = vec![("COLUMNS", "10000".to_owned())];
    let on =
        ["DO_NOT_TRACK", "FLYTE_DISABLE_TELEMETRY", "FLYTE_DISABLE_SENTRY", "NO_COLOR", "PYTHONUNBUFFERED"];
    all.extend(on.map(|name| (name, if name.starts_with("FLYTE") { "true" } else { "1" }.to_owned())));
    all.extend(["TMPDIR", "TEMP", "TMP"].map(|name| (name, folder.clone())));
    all.push(("PYTHONIOENCODING", "utf-8:backslashreplace".to_owned()));
    all
}

/// A folder with one for temporary files, and a `docker` that does nothing, for dry runs.
fn own_folder(around: &Surroundings) -> Result<tempfile::TempDir, AskError> {
    let base = around.variable("TMPDIR").map_or_else(std::env::temp_dir, std::path::PathBuf::from);
    let failed =
        |error: std::io::Error| AskError::Folder { folder: base.clone(), message: error.to_string() };
    let folder = tempfile::Builder::new().prefix("image-lsp-flyte-").tempdir_in(&base).map_err(failed)?;
    std::fs::create_dir(folder.path().join("tmp")).map_err(failed)?;
    let programs = folder.path().join("bin");
    std::fs::create_dir(&programs).map_err(failed)?;
    for name in ["docker", "podman"] {
        let path = programs.join(name);
        std::fs::write(&path, "#!/bin/sh\nexit 0\n").map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
        }
    }
    Ok(folder)
}

/// A line without its end, cut off at `longest` bytes; `None` at the end, and where a line that must be whole is not.
async fn read_line(input: &mut (impl AsyncBufRead + Unpin), longest: usize) -> Option<Vec<u8>> {
    let (line, is_whole) = read_part(input, longest).await?;
    is_whole.then_some(line)
}

/// A line, and whether it is whole.
async fn read_part(input: &mut (impl AsyncBufRead + Unpin), longest: usize) -> Option<(Vec<u8>, bool)> {
    let mut line = Vec::new();
    let mut is_whole = true;
    loop {
        let bytes = input.fill_buf().await.ok()?;
        if bytes.is_empty() {
            return (!line.is_empty()).then_some((line, is_whole));
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        let room = longest.saturating_sub(line.len());
        is_whole &= part.len() <= room;
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = end.map_or(bytes.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Some((line, is_whole));
        }
    }
}

async fn read_log(
    mut input: BufReader<tokio::process::ChildStderr>,
    log: Arc<Mutex<VecDeque<String>>>,
    sink: LogSink,
) {
    let mut told = 0;
    while let Some((line, is_whole)) = read_part(&mut input, LONGEST_LINE).await {
        let mut text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !is_whole {
            text.push('…');
        }
        if text.is_empty() {
            continue;
        }
        told += 1;
        match told {
            ..=TOLD_LINES => sink(&text),
            n if n == TOLD_LINES + 1 => sink("more is printed than is shown"),
            _ => {}
        }
        let mut kept = log.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == LAST_LINES {
            kept.pop_front();
        }
        kept.push_back(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &[u8], longest: usize) -> Vec<(Vec<u8>, bool)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut input = BufReader::with_capacity(3, text);
            let mut all = Vec::new();
            while let Some(part) = read_part(&mut input, longest).await {
                all.push(part);
            }
            all
        })
    }

    #[test]
    fn long_lines_are_cut_and_do_not_harm_the_next() {
        let line = |text: &str, is_whole| (text.as_bytes().to_vec(), is_whole);
        assert_eq!(parts(b"", 4), []);
        assert_eq!(
            parts(b"abcd\nefghi\n\nj", 4),
            [line("abcd", true), line("efgh", false), line("", true), line("j", true)]
        );
    }

    #[test]
    fn answers_are_understood_and_nothing_else_is() {
        let read = |text: &str| serde_json::from_str::<Answer>(text);
        assert_eq!(
            read(r#"{"event": "phase", "name": "load"}"#).ok(),
            Some(Answer::Phase { name: Phase::Load })
        );
        let image = r#"{"event": "image", "names": ["a"], "uri": {"error": {"type": "E", "message": "m", "frames": []}}, "resolved": true}"#;
        let Ok(Answer::Image(image)) = read(image) else { panic!("no image") };
        assert!(matches!(image.uri, Attempt::Error(e) if e.class.as_deref() == Some("E")));
        let error = r#"{"event": "error", "kind": "no-flyte", "message": "m", "frames": []}"#;
        assert!(matches!(read(error), Ok(Answer::Error { kind, .. }) if kind == "no-flyte"));
        for text in ["", "{}", "[]", r#"{"event": "start"}"#, r#"{"event": "phase", "name": "start"}"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
