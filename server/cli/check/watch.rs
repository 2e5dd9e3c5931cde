//! `--watch`: checks again whenever something below the paths changes, until it is interrupted.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use notify::{Event, EventKind, RecursiveMode, Watcher as _};

use crate::args::{Check, Project};
use crate::error::{self, CliError};

/// Changes within this time of each other count as one: editors write a file in several steps.
const TOGETHER: Duration = Duration::from_millis(100);

pub(super) fn run(arguments: &Check, project: &Project) -> Result<u8, CliError> {
    let (sender, receiver) = channel();
    let failed = |e: notify::Error| CliError::Watch(e.to_string());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Reading is no change. A receiver that is gone has ended.
        if event.is_ok_and(|e| !matches!(e.kind, EventKind::Access(_))) {
            let _ = sender.send(());
        }
    })
    .map_err(failed)?;
    for path in &arguments.paths {
        let path = PathBuf::from(path);
        let (folder, mode) = if path.is_dir() {
            (path, RecursiveMode::Recursive)
        } else {
            // A file that is replaced is another one: its folder tells.
            let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
            (parent.map_or_else(|| PathBuf::from("."), PathBuf::from), RecursiveMode::NonRecursive)
        };
        watcher.watch(&folder, mode).map_err(failed)?;
    }
    let once = Check { watch: false, ..arguments.clone() };
    loop {
        let mut err = anstream::stderr().lock();
        // A terminal is cleared; a log gets a line.
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            write!(err, "\x1b[2J\x1b[H")?;
        }
        drop(err);
        if let Err(error) = super::once(&once, project) {
            if matches!(error, CliError::Write(_)) {
                return Err(error);
            }
            error::render(&error);
        }
        let mut err = anstream::stderr().lock();
        writeln!(err, "Watching for changes.")?;
        drop(err);
        if receiver.recv().is_err() {
            return Ok(0);
        }
        loop {
            match receiver.recv_timeout(TOGETHER) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
}
