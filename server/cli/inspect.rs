//! `image-lsp inspect`

use std::io::Write;

use image_manifests::position::Unit;
use image_model::origin::Site;
use image_python::inspect::{Certainty, FileReport, ImageReport, Variant};
use image_python::json::{self, Document, Places, Problem, SCHEMA_VERSION};
use image_python::project::Facts;

use crate::args::{Format, Inspect, Project};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::{self, Target};
use crate::paint::{BAD, DIM, GOOD, NAME, Output, TAG, UNSURE, in_style};

pub(crate) fn run(arguments: &Inspect, project: &Project) -> Result<u8, CliError> {
    let context = Context::new(project);
    let (targets, mut problems) = files::targets(&arguments.paths, &context);
    let inspected = files::for_each(&targets, |target| context.inspect(&target.path));
    let mut reports = Vec::new();
    for (target, result) in inspected {
        let path = context.shown(&target.path);
        match result {
            Ok((mut report, facts)) => match narrow(&mut report, target, &path) {
                Ok(()) => reports.push((report, facts)),
                Err(error) => problems.push(error),
            },
            Err(message) => problems.push(CliError::Unreadable { path, message }),
        }
    }
    match arguments.output_format {
        Format::Json => write_json(&reports, &problems, arguments, &context)?,
        Format::Full => write_text(&reports, arguments, &context)?,
    }
    for problem in &problems {
        error::render(problem);
    }
    Ok(if problems.is_empty() { 0 } else { 2 })
}

/// Keeps the one image that was asked for.
fn narrow(report: &mut FileReport, target: &Target, path: &str) -> Result<(), CliError> {
    let Some(name) = &target.image else {
        report
            .images
            .retain(|i| !i.imported && (!i.intermediate || i.variants.iter().any(|v| !v.errors.is_empty())));
        return Ok(());
    };
    let available: Vec<String> = report.images.iter().flat_map(|i| i.names.clone()).collect();
    report.images.retain(|i| i.names.contains(name));
    if report.images.is_empty() {
        return Err(CliError::NoSuchImage { path: path.to_owned(), name: name.clone(), available });
    }
    Ok(())
}

type Reports = [(FileReport, std::sync::Arc<Facts>)];

fn write_json(
    reports: &Reports,
    problems: &[CliError],
    arguments: &Inspect,
    context: &Context,
) -> Result<(), CliError> {
    let mut places = Places::new(&*context.fs, |path| {
        if arguments.absolute_paths { path.display().to_string() } else { context.shown(path) }
    });
    let rule = |error: &_| image_rules::covering(error).map(|r| r.code);
    let images = reports
        .iter()
        .flat_map(|(report, facts)| report.images.iter().map(move |i| (i, facts)))
        .map(|(image, facts)| json::image(image, facts, &mut places, &rule))
        .collect();
    let problems = problems
        .iter()
        .map(|problem| match problem {
            CliError::Unreadable { path, message } => {
                Problem { path: path.clone(), message: message.clone() }
            }
            CliError::NoSuchImage { path, .. } => {
                Problem { path: path.clone(), message: problem.to_string() }
            }
            other => Problem { path: String::new(), message: other.to_string() },
        })
        .collect();
    let document = Document { schema_version: SCHEMA_VERSION, images, problems };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn write_text(reports: &Reports, arguments: &Inspect, context: &Context) -> Result<(), CliError> {
    let mut out = Output::new();
    let mut places = Places::new(&*context.fs, |path| context.shown(path));
    let mut first = true;
    for (report, facts) in reports {
        for image in &report.images {
            if !std::mem::take(&mut first) {
                writeln!(out)?;
            }
            block(&mut out, image, facts, &mut places, arguments)?;
        }
    }
    Ok(out.finish()?)
}

/// A line of the block: a name, padded, and a value.
fn line(out: &mut impl Write, name: &str, value: &str) -> std::io::Result<()> {
    writeln!(out, "  {}  {value}", in_style(DIM, format!("{name:<11}")))
}

/// `m.py:3:9`: one-based, in characters.
pub(crate) fn place(site: &Site, places: &mut Places<'_>) -> String {
    let (text, index) = places.text(&site.path);
    let (line, column) = index.position(text, site.start, Unit::Characters);
    format!("{}:{}:{}", places.path(&site.path), line + 1, column + 1)
}

fn block(
    out: &mut impl Write,
    image: &ImageReport,
    facts: &Facts,
    places: &mut Places<'_>,
    arguments: &Inspect,
) -> std::io::Result<()> {
    let several = image.variants.len() > 1;
    for (number, variant) in image.variants.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        let head = match (&variant.uri, variant.errors.first()) {
            (Some(uri), _) => in_style(TAG, uri),
            (None, Some(error)) => in_style(BAD, format!("no image: {}", error.raised.exception)),
            (None, None) => in_style(UNSURE, "not known"),
        };
        writeln!(out, "{head}")?;
        let names = if image.names.is_empty() { "(no name)".to_owned() } else { image.names.join(", ") };
        line(
            out,
            "image",
            &format!("{}  {}", in_style(NAME, names), in_style(DIM, place(&image.site, places))),
        )?;
        if several || !variant.when.is_empty() {
            let conditions: Vec<String> =
                variant.when.iter().map(image_python::evaluate::Condition::shown).collect();
            let when = if conditions.is_empty() { "otherwise".to_owned() } else { conditions.join(" and ") };
            line(out, "when", &in_style(UNSURE, when))?;
        }
        certainty(out, image, variant)?;
        if let Some(base) = json::text(&variant.image.base_image) {
            line(out, "base", &base)?;
        }
        if let Some(python) = json::python_version(&variant.image.python_version) {
            line(out, "python", &python)?;
        }
        if let Ok(platforms) = variant.image.platform.joined(", ") {
            line(out, "platform", &platforms)?;
        }
        let release = &facts.environment.release.version;
        line(out, "flyte", &format!("{release} {}", in_style(DIM, format!("({})", facts.release_from))))?;
        for note in facts.release_notes.iter().filter(|note| !variant.assumptions.contains(note)) {
            line(out, "note", note)?;
        }
        layers(out, image, variant, places)?;
        for error in &variant.errors {
            let code = image_rules::covering(error).map_or(String::new(), |r| format!(" {}", r.code));
            let text = format!(
                "{}{code} at {}: {}",
                error.raised.exception,
                error.stage.name(),
                error.raised.message
            );
            line(out, "error", &in_style(BAD, text))?;
        }
        if let Some(dockerfile) = variant.dockerfile.as_ref().filter(|_| !arguments.no_dockerfile) {
            line(out, "Dockerfile", "")?;
            for text in dockerfile.text.lines() {
                writeln!(out, "    {}", in_style(DIM, text))?;
            }
        }
    }
    Ok(())
}

fn certainty(out: &mut impl Write, image: &ImageReport, variant: &Variant) -> std::io::Result<()> {
    let style = match image.certainty {
        Certainty::Exact => GOOD,
        Certainty::Assumed => UNSURE,
        Certainty::Unknown => BAD,
    };
    line(out, "certainty", &in_style(style, image.certainty.name()))?;
    for text in &variant.assumptions {
        line(out, "assuming", text)?;
    }
    for unknown in &variant.unknowns {
        line(out, "because", &in_style(UNSURE, &unknown.reason))?;
    }
    Ok(())
}

fn layers(
    out: &mut impl Write,
    image: &ImageReport,
    variant: &Variant,
    places: &mut Places<'_>,
) -> std::io::Result<()> {
    for (number, layer) in variant.layers.iter().enumerate() {
        let name = if number == 0 { "layers" } else { "" };
        let by = match (&layer.method, &layer.site) {
            (Some(method), Some(site)) => {
                let (text, index) = places.text(&site.path);
                let (row, _) = index.position(text, site.start, Unit::Characters);
                let elsewhere = if site.path == image.site.path {
                    String::new()
                } else {
                    format!(" of {}", places.path(&site.path))
                };
                in_style(DIM, format!("{method}, line {}{elsewhere}", row + 1))
            }
            _ => in_style(DIM, "flyte's own"),
        };
        let tag = layer.tag_so_far.as_deref().and_then(|t| t.get(..12)).unwrap_or("");
        line(out, name, &format!("{:<16}{}  {by}", layer.kind, in_style(DIM, format!("{tag:<12}"))))?;
    }
    Ok(())
}
