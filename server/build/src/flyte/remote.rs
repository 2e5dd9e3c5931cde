//! Builds by flyte's remote builder, through the installed flyte.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use image_manifests::fs::FileSystem;
use image_model::world::Fact;
use image_python::inspect::{FileReport, ImageReport};
use serde_json::json;

use super::child::{Answer, Attempt, Child, Described, LIMIT, LogSink};
use super::error::{AskError, FailedRun, Raised};
use super::python::Python;
use super::verify::{base_request, told};
use crate::build::Built;
use crate::event::{Event, Sink, State, Step};
use crate::failure::precise;
use crate::known;
use crate::surroundings::Surroundings;

/// A run on flyte's backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// Its page.
    pub url: String,
}

/// What the user chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteChoices {
    /// Whether to build what is there already.
    pub force: bool,
    /// Whether to wait for the end.
    pub wait: bool,
}

/// What is to be built.
pub struct RemoteJob<'a> {
    /// The file, inspected.
    pub report: &'a FileReport,
    /// The image's number in it.
    pub number: usize,
    /// The files, for places in them.
    pub fs: &'a dyn FileSystem,
    /// What is known of the run, as soon as there is one.
    pub run: Arc<Mutex<Option<Run>>>,
}

impl RemoteJob<'_> {
    fn image(&self) -> Option<&ImageReport> {
        self.report.images.get(self.number)
    }

    /// A name under which flyte finds the image.
    fn name(&self) -> Option<&str> {
        let names = self.image()?.names.iter();
        names.map(String::as_str).find(|name| self.report.named(name) == Some(self.number))
    }

    /// Where the backend is, in words.
    fn backend(&self) -> String {
        let config = self.report.facts.config.as_ref();
        let endpoint = config.and_then(|c| c.content.endpoint.clone());
        endpoint
            .map_or_else(|| "flyte's remote builder".to_owned(), |e| format!("flyte's remote builder at {e}"))
    }
}

/// Builds an image with the remote builder. Runs the user's code. Whoever cancels lets `stopped` end: the child ends, and
/// the run goes on.
///
/// # Errors
/// [`AskError`]
pub async fn build_remote(
    job: &RemoteJob<'_>,
    choices: RemoteChoices,
    around: &Surroundings,
    sink: &Sink,
    stopped: impl Future<Output = ()>,
) -> Result<Built, AskError> {
    let python = Python::of(&job.report.facts)?;
    let name = job.name().ok_or_else(|| {
        let message = "flyte finds images by their names, and no name of the module holds this one";
        let site = job.image().map(|i| i.site.clone());
        AskError::Raised(Box::new(Raised { message: message.to_owned(), site, ..Raised::default() }))
    })?;
    let predicted = job.image().and_then(|i| i.variants.first()?.uri.clone());
    let shown = predicted.clone().unwrap_or_else(|| name.to_owned());
    sink(Event::Started { uri: shown, engine: job.backend() });
    let steps = Arc::new(Steps::new(Arc::clone(sink)));
    let told_steps = Arc::clone(&steps);
    let log: LogSink = Arc::new(move |line| told_steps.line(line));
    let directory = &job.report.facts.environment.working_directory;
    let mut child = Child::start(&python, directory, around, LIMIT, log).await?;
    let mut request = base_request(job.report, &child);
    request["do"] = json!("build");
    request["builder"] = json!("remote");
    request["name"] = json!(name);
    request["force"] = json!(choices.force);
    request["wait"] = json!(choices.wait);
    let result = tokio::select! {
        result = follow(&mut child, &request, job, predicted.as_deref(), sink) => result,
        () = stopped => {
            let run = job.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Err(AskError::Cancelled { run: run.map(|run| run.name) })
        }
    };
    match &result {
        Ok(_) => child.finish().await,
        Err(_) => child.stop().await,
    }
    steps.end(if result.is_ok() { State::Done } else { State::Failed });
    result
}

/// Follows the answers to a request to the end.
async fn follow(
    child: &mut Child,
    request: &serde_json::Value,
    job: &RemoteJob<'_>,
    predicted: Option<&str>,
    sink: &Sink,
) -> Result<Built, AskError> {
    child.ask(request).await?;
    let mut result = None;
    loop {
        match child.answer().await? {
            Answer::Image(described) => warn_of_difference(&described, predicted, job, sink),
            Answer::Run { name, url } => {
                sink(Event::Run { name: name.clone(), url: url.clone() });
                *job.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(Run { name, url });
            }
            Answer::Result { uri, status } => {
                let run = job.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
                result = Some(Ok(Built {
                    uri: uri.unwrap_or_default(),
                    existed: status == "exists",
                    started: run.filter(|_| status == "started"),
                    ..Built::default()
                }));
            }
            Answer::Failed { phase, message } => result = Some(Err(failed(phase, message, job))),
            Answer::Error { kind, exception } => {
                let mut error = told(&kind, exception, child, job.fs);
                if let AskError::Raised(raised) = &mut error {
                    let image = || job.image().map(|i| i.site.clone());
                    raised.site = raised.site.take().or_else(image);
                    let run = job.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    raised.run = run.map(|run| run.url);
                }
                result = Some(Err(error));
            }
            Answer::End => return result.unwrap_or_else(|| Err(child.silent())),
            _ => {}
        }
    }
}

/// A run that ended without an image: its message, and the place in the code that it speaks of.
fn failed(phase: String, message: Option<String>, job: &RemoteJob<'_>) -> AskError {
    let run = job.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = message.clone().unwrap_or_default();
    let log: Vec<String> = text.lines().map(str::to_owned).collect();
    let word = known::explain(&log, &text).and_then(|known| known.word);
    let calls = job.image().and_then(|i| i.variants.first()).map(|v| v.image.calls.as_slice());
    let calls = calls.unwrap_or_default();
    let found = word.and_then(|word| calls.iter().find_map(|call| Some((precise(call, &word)?, call))));
    let call = found.as_ref().map(|(_, call)| *call).or(calls.last()).map(|call| call.site.clone());
    let site = found.map(|(site, _)| site).or_else(|| job.image().map(|i| i.site.clone()));
    AskError::Run(Box::new(FailedRun {
        phase,
        url: run.map(|r| r.url).unwrap_or_default(),
        message,
        site,
        call,
    }))
}

/// In some releases the registry follows from the endpoint, which `flyte build` does not know yet when it imports the file,
/// and neither does this; `flyte deploy` does, and so does the prediction.
fn rests_on_endpoint(job: &RemoteJob<'_>) -> bool {
    let endpoint = job.report.facts.describe(Fact::Endpoint);
    let variant = job.image().and_then(|i| i.variants.first());
    variant.is_some_and(|v| v.assumptions.contains(&endpoint))
}

/// Says where flyte builds something else than what was predicted.
fn warn_of_difference(described: &Described, predicted: Option<&str>, job: &RemoteJob<'_>, sink: &Sink) {
    if let (Attempt::Ok(Some(uri)), Some(predicted)) = (&described.uri, predicted)
        && uri != predicted
        && !rests_on_endpoint(job)
    {
        let site = job.image().map(|i| i.site.clone());
        let message = format!(
            "flyte builds {uri}, where {predicted} was predicted: image-lsp verify shows what differs"
        );
        sink(Event::Warning { message, rule: Some("IMG903"), site });
    }
}

/// Aborts a run.
///
/// # Errors
/// [`AskError`]
pub async fn abort(job: &RemoteJob<'_>, run: &str, around: &Surroundings) -> Result<(), AskError> {
    let python = Python::of(&job.report.facts)?;
    let directory = &job.report.facts.environment.working_directory;
    let mut child = Child::start(&python, directory, around, LIMIT, Arc::new(|_| {})).await?;
    let mut request = base_request(job.report, &child);
    request["do"] = json!("abort");
    request["run"] = json!(run);
    child.ask(&request).await?;
    let mut result = Ok(());
    loop {
        match child.answer().await? {
            Answer::Error { kind, exception } => result = Err(told(&kind, exception, &child, job.fs)),
            Answer::End => break,
            _ => {}
        }
    }
    child.finish().await;
    result
}

/// flyte's own words of progress as steps, everything else as lines of the step that runs.
struct Steps {
    sink: Sink,
    running: Mutex<(usize, Option<(Step, Instant)>)>,
}

impl Steps {
    fn new(sink: Sink) -> Self {
        Self { sink, running: Mutex::new((0, None)) }
    }

    /// A line that the child prints: `[flyte] {indentation}{>>|OK|--|!!} message` is flyte's.
    fn line(&self, line: &str) {
        let own = line.strip_prefix("[flyte] ").map(str::trim_start);
        match own.and_then(|text| text.split_once(' ')) {
            Some((">>", name)) => {
                self.end(State::Done);
                let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
                running.0 += 1;
                let step = Step {
                    id: running.0,
                    name: name.to_owned(),
                    number: None,
                    platform: None,
                    state: State::Running,
                    seconds: None,
                    line: None,
                    method: None,
                    site: None,
                    is_flytes: true,
                };
                running.1 = Some((step.clone(), Instant::now()));
                drop(running);
                (self.sink)(Event::Step(step));
            }
            Some(("!!", message)) => {
                (self.sink)(Event::Warning { message: message.to_owned(), rule: None, site: None });
            }
            _ => {
                let id = self.running.lock().unwrap_or_else(PoisonError::into_inner).0;
                (self.sink)(Event::Log { step: id, error: own.is_none(), line: line.to_owned() });
            }
        }
    }

    /// The step that runs is over.
    fn end(&self, state: State) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).1.take();
        if let Some((mut step, began)) = running {
            step.state = state;
            step.seconds = Some(began.elapsed().as_secs_f64());
            (self.sink)(Event::Step(step));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flytes_own_words_are_steps_and_everything_else_is_log() {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let tell = Arc::clone(&told);
        let steps = Steps::new(Arc::new(move |event| {
            let text = match event {
                Event::Step(step) => format!("{} {} {}", step.id, step.name, step.state.name()),
                Event::Log { step, error, line } => format!("{step} {error} {line}"),
                Event::Warning { message, .. } => format!("warning {message}"),
                other => format!("{other:?}"),
            };
            tell.lock().expect("a list").push(text);
        }));
        for line in [
            "from the file",
            "[flyte] >> Submitting a new build...",
            "[flyte]   -- Image n:t was not found or has expired",
            "[flyte]   >> Waiting for build to finish",
            "[flyte] !! Context size is 6 MB",
            "[flyte] ",
        ] {
            steps.line(line);
        }
        steps.end(State::Failed);
        steps.end(State::Done);
        let told = told.lock().expect("a list").clone();
        assert_eq!(
            told,
            [
                "0 true from the file",
                "1 Submitting a new build... running",
                "1 false [flyte]   -- Image n:t was not found or has expired",
                "1 Submitting a new build... done",
                "2 Waiting for build to finish running",
                "warning Context size is 6 MB",
                "2 false [flyte] ",
                "2 Waiting for build to finish failed",
            ]
        );
    }
}
