//! Predictions beside what the installed flyte says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use image_manifests::fs::FileSystem;
use image_model::origin::Site;
use image_python::inspect::FileReport;
use image_python::project::ReleaseSource;
use serde_json::{Map, Value, json};

use super::child::{Answer, Child, Described, Exception, LIMIT, Phase};
use super::compare::{build_error, compare};
use super::error::{AskError, Raised};
use super::python::Python;
use crate::surroundings::Surroundings;

/// A file to compare, inspected.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// What is predicted.
    pub report: &'a FileReport,
    /// The name of the one image that counts.
    pub name: Option<&'a str>,
    /// The files, for places in them.
    pub fs: &'a dyn FileSystem,
}

/// What came of the comparison of a file.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The interpreter that was asked.
    pub python: Python,
    /// The flyte in it.
    pub flyte: String,
    /// The images, in the order in which flyte has them; then those that only the prediction has.
    pub images: Vec<Compared>,
    /// The exception with which importing the file ends, as was predicted.
    pub raises: Option<String>,
    /// How long flyte took.
    pub took: Duration,
}

/// An image beside its prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The names that hold it.
    pub names: Vec<String>,
    /// The expression that makes it, as far as it is known.
    pub site: Option<Site>,
    /// The address that was predicted.
    pub predicted: Option<String>,
    /// The address that flyte gives it.
    pub uri: Option<String>,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Address, errors and, where there is one, the Dockerfile.
    Equal,
    /// The prediction is wrong.
    Different(Difference),
    /// Nobody can say; why.
    NotComparable(String),
}

impl Compared {
    /// A difference says nothing, because of something.
    fn doubt(&mut self, because: &str) {
        if matches!(self.verdict, Verdict::Different(_)) {
            self.verdict = Verdict::NotComparable(because.to_owned());
        }
    }
}

impl Verdict {
    /// The name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different(_) => "different",
            Self::NotComparable(_) => "not-comparable",
        }
    }
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The address.
    Address,
    /// The Dockerfile.
    Dockerfile,
    /// What is raised.
    Error,
    /// Whether the name holds an image.
    Name,
}

impl Part {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "uri",
            Self::Dockerfile => "dockerfile",
            Self::Error => "error",
            Self::Name => "name",
        }
    }
}

/// A wrong prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub part: Part,
    /// What was predicted.
    pub predicted: String,
    /// What flyte says.
    pub actual: String,
    /// The first call after which it differs.
    pub method: Option<&'static str>,
    /// Its place; that of the image where no call can be blamed.
    pub site: Option<Site>,
}

impl Difference {
    /// What is wrong, and what to do: the text of the finding IMG903.
    #[must_use]
    pub fn message(&self, flyte: &str) -> String {
        let Self { predicted, actual, method, .. } = self;
        let says = match self.part {
            Part::Address => "gives it the address",
            Part::Dockerfile => "writes into its Dockerfile",
            Part::Error | Part::Name => "says:",
        };
        let from = method.map(|m| format!(" (from {m} on)")).unwrap_or_default();
        format!(
            "flyte {flyte} {says} {actual}, predicted was {predicted}{from}; please report it with what `image-lsp \
             verify --output-format json` and `image-lsp debug-info` print"
        )
    }
}

/// Asks an interpreter about one file after the other.
pub struct Asker<'a> {
    around: &'a Surroundings,
    /// One child serves all files of an interpreter.
    keep: bool,
    child: Option<Child>,
    limit: Duration,
}

impl<'a> Asker<'a> {
    /// `several` keeps the child from one file to the next.
    #[must_use]
    pub fn new(around: &'a Surroundings, several: bool) -> Self {
        Self { around, keep: several, child: None, limit: LIMIT }
    }

    /// With another time for each of the first phases: the start, the import of flyte, that of the file, its images.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Asks for the images of a file, and compares. Runs the user's code. Whoever cancels lets `stopped` end.
    ///
    /// # Errors
    /// [`AskError`]: flyte gave no answer.
    pub async fn verify(
        &mut self,
        target: &Target<'_>,
        stopped: impl Future<Output = ()>,
    ) -> Result<Verified, AskError> {
        let began = Instant::now();
        let facts = &target.report.facts;
        let python = Python::of(facts)?;
        let directory = facts.environment.working_directory.clone();
        let mut child = match self.child.take() {
            Some(child) if child.python == python => child,
            other => {
                end(other).await;
                Child::start(&python, &directory, self.around, self.limit, Arc::new(|_| {})).await?
            }
        };
        let keep = self.keep && child.forks;
        let described = tokio::select! {
            described = describe(&mut child, target, keep) => described,
            () = stopped => Err(AskError::Cancelled { run: None }),
        };
        let folder = child.folder();
        match &described {
            Ok(_) if keep => self.child = Some(child),
            Ok(_) => child.finish().await,
            Err(_) => child.stop().await,
        }
        let (flyte, answers) = described?;
        let answers = answers?;
        let took = began.elapsed();
        let (images, raises) = match answers {
            Answers::Raised(error) => (Vec::new(), Some(same_error(target.report, error)?)),
            Answers::Images(described) => {
                let temporary = format!("{folder}/tmp");
                let mut compared = compare(&described, target, &temporary);
                let predicted = &facts.environment.release.version;
                let is_chosen = matches!(
                    facts.release_source,
                    ReleaseSource::Given | ReleaseSource::Setting | ReleaseSource::Environment
                );
                if *predicted != flyte && !is_chosen {
                    let because = format!(
                        "flyte {predicted} is what the prediction is for ({}), and {flyte} is installed",
                        facts.release_from
                    );
                    compared.iter_mut().for_each(|image| image.doubt(&because));
                }
                (compared, None)
            }
        };
        Ok(Verified { python, flyte, images, raises, took })
    }

    /// Ends the child that was kept.
    pub async fn close(self) {
        end(self.child).await;
    }
}

async fn end(child: Option<Child>) {
    if let Some(mut child) = child {
        child.stop().await;
    }
}

enum Answers {
    Images(Vec<Described>),
    /// Importing the file raises.
    Raised(AskError),
}

/// What a child that lives on says: the version of flyte, and its answers or why there are none.
type Said = (String, Result<Answers, AskError>);

async fn describe(child: &mut Child, target: &Target<'_>, keep: bool) -> Result<Said, AskError> {
    let mut request = base_request(target.report, child);
    request["do"] = json!("describe");
    request["keep"] = json!(keep);
    request["expected"] = Value::Object(expected(target.report));
    child.ask(&request).await?;
    let (mut flyte, mut images, mut error, mut has_ended) = (String::new(), Vec::new(), None, false);
    loop {
        match child.answer().await? {
            Answer::Flyte { version } => flyte = version,
            Answer::Image(image) if images.len() < MOST_IMAGES => images.push(*image),
            Answer::Error { kind, exception } => error = Some((kind, exception, child.phase)),
            Answer::End if keep => has_ended = true,
            Answer::End => break,
            Answer::Ready if has_ended => break,
            // The copy that served the request is gone.
            Answer::Ready => return Err(child.silent()),
            _ => {}
        }
    }
    let Some((kind, exception, phase)) = error else { return Ok((flyte, Ok(Answers::Images(images)))) };
    let told = told(&kind, exception, child, target.fs);
    let is_of_file = phase == Phase::Load && kind == "raised";
    Ok((flyte, if is_of_file { Ok(Answers::Raised(told)) } else { Err(told) }))
}

/// Images of one file that are compared: a bound on the memory that a file can take.
const MOST_IMAGES: usize = 10_000;

/// What every request has.
pub(crate) fn base_request(report: &FileReport, child: &Child) -> Value {
    let config = report.facts.config.as_ref().filter(|c| c.is_given).map(|c| c.path.display().to_string());
    let root = &report.facts.environment.root_dir;
    json!({
        "path": report.path.display().to_string(),
        "folder": child.folder(),
        "directory": report.facts.environment.working_directory,
        "root": root,
        "initialise": root.is_some(),
        "config": config,
    })
}

/// An error of the child as ours.
pub(crate) fn told(kind: &str, exception: Exception, child: &Child, fs: &dyn FileSystem) -> AskError {
    let Exception { class, fault, code, message, frames } = exception;
    match kind {
        "no-flyte" | "broken-flyte" => AskError::NoFlyte {
            message,
            is_there: kind == "broken-flyte",
            program: child.python.program.display().to_string(),
            from: child.python.from.clone(),
        },
        "cancelled" => AskError::Cancelled { run: None },
        _ => AskError::Raised(Box::new(Raised {
            exception: class.unwrap_or_default(),
            fault,
            code,
            message,
            site: frames.last().and_then(|frame| line_of(&frame.path, frame.line, fs)),
            run: None,
            trace: frames
                .iter()
                .map(|f| {
                    format!(
                        "{}:{} in {}",
                        f.path,
                        f.line,
                        if f.function.is_empty() { "it" } else { &f.function }
                    )
                })
                .collect(),
        })),
    }
}

/// A line of a file without the space around it.
fn line_of(path: &str, line: usize, fs: &dyn FileSystem) -> Option<Site> {
    let path: Arc<std::path::Path> = std::path::Path::new(path).into();
    let text = fs.read_text(&path).ok()?;
    let whole = text.split('\n').nth(line.checked_sub(1)?)?;
    let start = whole.as_ptr() as usize - text.as_ptr() as usize;
    let start = start + (whole.len() - whole.trim_start().len());
    Some(Site { path, start, end: start + whole.trim().len() })
}

/// The predictions, by name.
fn expected(report: &FileReport) -> Map<String, Value> {
    let mut all = Map::new();
    for image in &report.images {
        let Some(variant) = image.variants.first() else { continue };
        for binding in image.bindings.iter().filter(|b| b.likely) {
            let is_built = variant.dockerfile.is_some() || build_error(variant).is_some();
            let value = json!({ "uri": variant.uri, "dockerfile": is_built });
            all.insert(binding.name.clone(), value);
        }
    }
    all
}

/// The exception with which both end; the error where only flyte's does, or another one.
fn same_error(report: &FileReport, error: AskError) -> Result<String, AskError> {
    let AskError::Raised(theirs) = &error else { return Err(error) };
    let Raised { exception, message, .. } = &**theirs;
    match &report.import_error {
        Some((raised, _)) if raised.exception == *exception && raised.message == *message => {
            Ok(format!("{exception}: {message}"))
        }
        _ => Err(error),
    }
}
