//! Builds by flyte's remote builder.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use image_build::flyte::{AskError, RemoteChoices, RemoteJob, Run, abort, build_remote};
use image_build::{BuildError, Built, Event, Prepared, Sink, Surroundings};
use image_python::inspect::FileReport;
use image_python::project::Facts;

use super::{Progress, told};
use crate::args::Build;
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt::interrupted;

/// What the command is about.
pub(super) struct Request<'a> {
    pub(super) arguments: &'a Build,
    pub(super) report: &'a FileReport,
    pub(super) number: usize,
    pub(super) context: &'a Context,
    pub(super) around: &'a Surroundings,
}

/// Options that mean something to an engine alone.
pub(super) fn refuse_options(arguments: &Build) -> Result<(), CliError> {
    let given = [
        (arguments.no_push, "--no-push"),
        (!arguments.platform.is_empty(), "--platform"),
        (arguments.engine_host.is_some(), "--engine-host"),
    ];
    match given.iter().find(|(is_given, _)| *is_given) {
        Some((_, option)) => Err(CliError::Usage(format!("{option} is not for the remote builder"))),
        None => Ok(()),
    }
}

/// Where a build would go, for a dry run.
pub(super) fn where_to(facts: &Facts) -> String {
    let config = facts.config.as_ref();
    let part = |value: Option<&String>, what: &str| value.cloned().unwrap_or_else(|| format!("no {what}"));
    let content = config.map(|c| &c.content);
    format!(
        "flyte's remote builder: {}, {}, {}; configuration: {}",
        part(content.and_then(|c| c.endpoint.as_ref()), "endpoint"),
        part(content.and_then(|c| c.project.as_ref()), "project"),
        part(content.and_then(|c| c.domain.as_ref()), "domain"),
        config.map_or_else(|| "none".to_owned(), |c| c.path.display().to_string()),
    )
}

/// Builds, and tells how it went.
pub(super) fn run(
    request: &Request<'_>,
    prepared: Result<Prepared, BuildError>,
    progress: Box<dyn Progress>,
) -> Result<u8, CliError> {
    let progress = Arc::new(Mutex::new(progress));
    let lock = || progress.lock().unwrap_or_else(PoisonError::into_inner);
    match prepared {
        Ok(Prepared::AsItIs(uri)) => {
            lock().finished(&Built { uri, existed: true, ..Built::default() })?;
            return Ok(0);
        }
        Ok(Prepared::Plan(_, doubts)) => {
            for doubt in doubts {
                lock().event(&Event::Warning { message: doubt.message, rule: doubt.rule, site: doubt.site });
            }
        }
        // flyte runs the code, and so knows.
        Err(BuildError::Unknown { reason, site }) => {
            let message = format!("what will be built is not predicted, because {reason}");
            lock().event(&Event::Warning { message, rule: None, site });
        }
        Err(error) => return told(&mut **lock(), &error),
    }
    let job = RemoteJob {
        report: request.report,
        number: request.number,
        fs: &*request.context.fs,
        run: Arc::default(),
    };
    let choices = RemoteChoices { force: request.arguments.force, wait: !request.arguments.no_wait };
    let shown = Arc::clone(&progress);
    let sink: Sink =
        Arc::new(move |event| shown.lock().unwrap_or_else(PoisonError::into_inner).event(&event));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(build_remote(&job, choices, request.around, &sink, interrupted()));
    match result {
        Ok(built) => {
            lock().finished(&built)?;
            Ok(0)
        }
        Err(error) => {
            let run = job.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let was_cancelled = matches!(error, AskError::Cancelled { .. });
            let status = told(&mut **lock(), &BuildError::Flyte(error))?;
            if let Some(run) = run.filter(|_| was_cancelled)
                && wants_abort(&run)
            {
                runtime.block_on(abort(&job, &run.name, request.around)).map_err(CliError::Ask)?;
                crate::error::note(&format!("the run {} is aborted", run.name));
            }
            Ok(status)
        }
    }
}

/// Asks whether the run is to end, too, where somebody can answer.
fn wants_abort(run: &Run) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    let mut err = std::io::stderr().lock();
    let asked = write!(err, "abort the run {} as well? [y/N] ", run.name).and_then(|()| err.flush());
    let mut line = String::new();
    asked.is_ok()
        && std::io::stdin().lock().read_line(&mut line).is_ok()
        && matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}
