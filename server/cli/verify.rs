//! `image-lsp verify`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image_build::flyte::{AskError, Asker, Compared, Difference, Target, Verdict, Verified, json as as_json};
use image_python::inspect::FileReport;
use image_python::json::Places;
use serde_json::{Value, json};

use crate::args::{Format, Project, Verify};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files;
use crate::inspect::place;
use crate::interrupt::{INTERRUPTED, interrupted};
use crate::paint::{BAD, DIM, GOOD, NAME, Output, UNSURE, in_style};

/// A file with its prediction.
struct Predicted {
    path: String,
    report: FileReport,
    name: Option<String>,
}

/// What came of one file.
struct Outcome {
    path: String,
    result: Result<Verified, AskError>,
}

/// What came of one environment.
struct Round {
    context: Context,
    outcomes: Vec<Outcome>,
    /// How long the predictions took.
    predicted: Duration,
}

pub(crate) fn run(arguments: &Verify, project: &Project) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut rounds = Vec::new();
    let mut problems = Vec::new();
    for project in projects(arguments, project)? {
        let context = Context::new(&project);
        let began = Instant::now();
        let (files, unread) = predict(arguments, &context);
        let predicted = began.elapsed();
        problems.extend(unread);
        let outcomes = runtime.block_on(ask(files, &context, Duration::from_secs(arguments.timeout)));
        let was_stopped = outcomes.iter().any(|o| matches!(o.result, Err(AskError::Cancelled { .. })));
        if was_stopped {
            return Ok(INTERRUPTED);
        }
        rounds.push(Round { context, outcomes, predicted });
    }
    match arguments.output_format {
        Format::Json => write_json(&rounds, &problems)?,
        Format::Full => write_text(&rounds)?,
    }
    problems.iter().for_each(error::render);
    Ok(status(&rounds, !problems.is_empty()))
}

fn status(rounds: &[Round], has_problems: bool) -> u8 {
    let outcomes = || rounds.iter().flat_map(|r| &r.outcomes);
    let is_different = |v: &Verified| v.images.iter().any(|i| matches!(i.verdict, Verdict::Different(_)));
    if has_problems || outcomes().any(|o| o.result.is_err()) {
        2
    } else {
        u8::from(outcomes().any(|o| o.result.as_ref().is_ok_and(is_different)))
    }
}

/// The project as it is, or with each environment below a folder.
fn projects(arguments: &Verify, project: &Project) -> Result<Vec<Project>, CliError> {
    let Some(folder) = &arguments.all_environments else { return Ok(vec![project.clone()]) };
    let mut found = Vec::new();
    environments(folder, 3, &mut found);
    found.sort();
    if found.is_empty() {
        return Err(CliError::Usage(format!("{} has no environments of Python", folder.display())));
    }
    Ok(found.into_iter().map(|python| Project { python: Some(python), ..project.clone() }).collect())
}

/// The environments in a folder, itself among them, and below it.
fn environments(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if folder.join("pyvenv.cfg").is_file() || folder.join("conda-meta").is_dir() {
        return found.push(folder.to_owned());
    }
    let Some(depth) = depth.checked_sub(1) else { return };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            environments(&path, depth, found);
        }
    }
}

/// The predictions for files that have images.
fn predict(arguments: &Verify, context: &Context) -> (Vec<Predicted>, Vec<CliError>) {
    let (targets, mut problems) = files::targets(&arguments.paths, context);
    let mut predicted = Vec::new();
    for (target, result) in files::for_each(&targets, |target| context.inspect(&target.path)) {
        let path = context.shown(&target.path);
        match result {
            Ok((report, _)) => {
                let name = target.image.clone();
                if target.explicit || report.images.iter().any(|i| !i.imported) {
                    predicted.push(Predicted { path, report, name });
                }
            }
            Err(message) => problems.push(CliError::Unreadable { path, message }),
        }
    }
    (predicted, problems)
}

async fn ask(files: Vec<Predicted>, context: &Context, limit: Duration) -> Vec<Outcome> {
    let around = image_lsp_server::surroundings(&context.ambient);
    let mut asker = Asker::new(&around, files.len() > 1).within(limit);
    let mut outcomes = Vec::new();
    for file in files {
        let target = Target { report: &file.report, name: file.name.as_deref(), fs: &*context.fs };
        let result = asker.verify(&target, interrupted()).await;
        let was_stopped = matches!(result, Err(AskError::Cancelled { .. }));
        outcomes.push(Outcome { path: file.path, result });
        if was_stopped {
            break;
        }
    }
    asker.close().await;
    outcomes
}

fn write_json(rounds: &[Round], problems: &[CliError]) -> Result<(), CliError> {
    let mut environments = Vec::new();
    for round in rounds {
        let mut places = Places::new(&*round.context.fs, |path| round.context.shown(path));
        let asked = round.outcomes.iter().find_map(|o| o.result.as_ref().ok());
        let mut environment = asked.map_or_else(|| json!({}), as_json::python);
        let (mut files, mut failed): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
        for outcome in &round.outcomes {
            match &outcome.result {
                Ok(verified) => files.push(as_json::verified(verified, &outcome.path, &mut places)),
                Err(error) => failed.push(as_json::problem(error, &outcome.path, &mut places)),
            }
        }
        environment["files"] = json!(files);
        environment["problems"] = json!(failed);
        environment["predicted_seconds"] = json!(round.predicted.as_secs_f64());
        environments.push(environment);
    }
    let unread: Vec<Value> = problems.iter().map(|p| json!({ "message": p.to_string() })).collect();
    let document = json!({
        "schema_version": as_json::SCHEMA_VERSION,
        "environments": environments,
        "problems": unread,
    });
    let mut out = Output::new();
    serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(out.finish()?)
}

fn write_text(rounds: &[Round]) -> Result<(), CliError> {
    let mut out = Output::new();
    for (number, round) in rounds.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        write_round(&mut out, round)?;
    }
    Ok(out.finish()?)
}

fn write_round(out: &mut Output, round: &Round) -> std::io::Result<()> {
    let mut places = Places::new(&*round.context.fs, |path| round.context.shown(path));
    let mut counts = [0_usize; 3];
    let mut took = Duration::ZERO;
    for outcome in &round.outcomes {
        match &outcome.result {
            Ok(verified) => {
                took += verified.took;
                write_file(out, &outcome.path, verified, &mut counts, &mut places)?;
            }
            Err(error) => {
                writeln!(out, "{}", in_style(NAME, &outcome.path))?;
                let at =
                    error.site().map(|site| format!("{}: ", place(site, &mut places))).unwrap_or_default();
                writeln!(out, "  {}  {at}{error}", in_style(BAD, "not asked     "))?;
                if let AskError::Raised(raised) = error {
                    for line in &raised.trace {
                        writeln!(out, "    {}", in_style(DIM, line))?;
                    }
                }
                if let Some(advice) = error.advice() {
                    writeln!(out, "    help: {advice}")?;
                }
            }
        }
    }
    let [equal, different, not_comparable] = counts;
    let asked = round.outcomes.iter().find_map(|o| o.result.as_ref().ok());
    let flyte = asked.map_or_else(
        || "flyte gave no answer".to_owned(),
        |v| format!("flyte {} ({}) took {:.2} s", v.flyte, v.python.from, took.as_secs_f64()),
    );
    writeln!(
        out,
        "{equal} equal, {different} different, {not_comparable} not comparable; {flyte}, the prediction {:.3} s",
        round.predicted.as_secs_f64()
    )
}

fn write_file(
    out: &mut Output,
    path: &str,
    verified: &Verified,
    counts: &mut [usize; 3],
    places: &mut Places<'_>,
) -> std::io::Result<()> {
    writeln!(out, "{}", in_style(NAME, path))?;
    if let Some(raised) = &verified.raises {
        counts[0] += 1;
        writeln!(out, "  {}  both end with {raised}", in_style(GOOD, "equal         "))?;
    }
    for image in &verified.images {
        let names = if image.names.is_empty() { "(no name)".to_owned() } else { image.names.join(", ") };
        let uri = image.uri.as_deref().or(image.predicted.as_deref()).unwrap_or_default();
        match &image.verdict {
            Verdict::Equal => {
                counts[0] += 1;
                writeln!(out, "  {}  {names}  {}", in_style(GOOD, "equal         "), in_style(DIM, uri))?;
            }
            Verdict::Different(found) => {
                counts[1] += 1;
                writeln!(out, "  {}  {names}", in_style(BAD, "different     "))?;
                write_difference(out, image, found, &verified.flyte, places)?;
            }
            Verdict::NotComparable(reason) => {
                counts[2] += 1;
                writeln!(out, "  {}  {names}: {reason}", in_style(UNSURE, "not comparable"))?;
            }
        }
    }
    Ok(())
}

fn write_difference(
    out: &mut Output,
    image: &Compared,
    found: &Difference,
    flyte: &str,
    places: &mut Places<'_>,
) -> std::io::Result<()> {
    let site = found.site.as_ref().or(image.site.as_ref());
    let at = site.map(|site| format!("{}: ", place(site, places))).unwrap_or_default();
    writeln!(out, "    {at}{} {}", in_style(BAD, "IMG903"), found.message(flyte))?;
    for (who, text) in [("predicted", &found.predicted), ("flyte", &found.actual)] {
        writeln!(out, "    {}  {text}", in_style(DIM, format!("{who:<9}")))?;
    }
    Ok(())
}
