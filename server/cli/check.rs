//! `image-lsp check`

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use image_manifests::fs::{OsFileSystem, Overlay};
use image_python::json::{Places, Range};
use image_rules::{Finding, Severity};
use serde::Serialize;

use crate::args::{Check, Format, Project};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::{self, Target};
use crate::paint::Output;

pub(crate) fn run(arguments: &Check, project: &Project) -> Result<u8, CliError> {
    let (context, targets, mut problems) = prepare(arguments, project)?;
    let checked = files::for_each(&targets, |target| {
        context.inspect(&target.path).map(|(report, _)| image_rules::check(&report))
    });
    let mut findings = Vec::new();
    for (target, result) in checked {
        match result {
            Ok(found) => findings.extend(found),
            Err(message) => {
                problems.push(CliError::Unreadable { path: context.shown(&target.path), message })
            }
        }
    }
    match arguments.output_format {
        Format::Json => write_json(&findings, &context)?,
        Format::Full => write_full(&findings, &context)?,
    }
    for problem in &problems {
        error::render(problem);
    }
    let bad = findings.iter().any(|f| f.rule.severity != Severity::Hint);
    Ok(match (problems.is_empty(), bad && !arguments.exit_zero) {
        (false, _) => 2,
        (true, true) => 1,
        (true, false) => 0,
    })
}

fn prepare(arguments: &Check, project: &Project) -> Result<(Context, Vec<Target>, Vec<CliError>), CliError> {
    if arguments.paths.iter().all(|p| p != "-") {
        let context = Context::new(project);
        let (targets, problems) = files::targets(&arguments.paths, &context);
        return Ok((context, targets, problems));
    }
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|e| CliError::Unreadable { path: "-".to_owned(), message: e.to_string() })?;
    let name = arguments.stdin_filename.clone().unwrap_or_else(|| PathBuf::from("stdin.py"));
    let path: PathBuf = crate::context::ambient().current_directory.join(name).components().collect();
    let overlay = Overlay::new(Arc::new(OsFileSystem), BTreeMap::from([(path.clone(), Arc::from(text))]));
    let context = Context::over(Arc::new(overlay), project);
    Ok((context, vec![Target { path, image: None, explicit: true }], Vec::new()))
}

#[derive(Serialize)]
struct FindingJson {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    message: String,
    path: String,
    range: Range,
    url: Option<String>,
    related: Vec<RelatedJson>,
    fix: Option<()>,
}

#[derive(Serialize)]
struct RelatedJson {
    path: String,
    range: Range,
    message: String,
}

fn write_json(findings: &[Finding], context: &Context) -> Result<(), CliError> {
    let mut places = Places::new(&*context.fs, |path| context.shown(path));
    let all: Vec<FindingJson> = findings
        .iter()
        .map(|finding| FindingJson {
            code: finding.rule.code,
            name: finding.rule.name,
            severity: finding.rule.severity.name(),
            message: finding.message.clone(),
            path: places.path(&finding.site.path),
            range: places.range(&finding.site),
            url: None,
            related: finding
                .related
                .iter()
                .map(|r| RelatedJson {
                    path: places.path(&r.site.path),
                    range: places.range(&r.site),
                    message: r.message.clone(),
                })
                .collect(),
            fix: None,
        })
        .collect();
    let mut out = Output::new();
    serde_json::to_writer_pretty(&mut out, &all).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(out.finish()?)
}

fn write_full(findings: &[Finding], context: &Context) -> Result<(), CliError> {
    let mut out = Output::new();
    let mut places = Places::new(&*context.fs, |path| context.shown(path));
    // Escapes are always written; the stream drops them where there is no terminal.
    let renderer = Renderer::styled();
    for finding in findings {
        let level = match finding.rule.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Hint => Level::HELP,
        };
        let title = level.primary_title(finding.message.as_str()).id(finding.rule.code);
        let name = places.path(&finding.site.path);
        let text = places.text(&finding.site.path).0.clone();
        let own: Vec<_> = finding.related.iter().filter(|r| r.site.path == finding.site.path).collect();
        let clamp = |range: std::ops::Range<usize>| range.start.min(text.len())..range.end.min(text.len());
        let mut snippet = Snippet::source(text.as_str())
            .path(name)
            .annotation(AnnotationKind::Primary.span(clamp(finding.site.range())).label(finding.rule.name));
        for related in own {
            let span = clamp(related.site.range());
            snippet = snippet.annotation(AnnotationKind::Context.span(span).label(related.message.as_str()));
        }
        let report: &[Group<'_>] = &[title.element(snippet)];
        writeln!(out, "{}\n", renderer.render(report))?;
    }
    match findings.len() {
        0 => writeln!(out, "No mistakes found.")?,
        1 => writeln!(out, "Found 1 mistake.")?,
        n => writeln!(out, "Found {n} mistakes.")?,
    }
    Ok(out.finish()?)
}
