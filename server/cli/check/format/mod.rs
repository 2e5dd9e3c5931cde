//! The output formats of `check`, one file each, over one list of what is to be told.

mod agent;
mod concise;
mod full;
mod github;
mod gitlab;
mod json;
mod junit;
mod sarif;
mod statistics;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use image_python::json::{Places, Range};
use image_python::notebook::{self, Cell, is_notebook};
use image_rules::{Applicability, Finding, Fix, Rule, Severity};

use super::{Outcome, chosen_format};
use crate::args::{Check, CheckFormat};
use crate::context::Context;
use crate::error::CliError;
use crate::paint::Output;

/// A finding as it is told: with paths and places for people.
pub(super) struct Shown<'f> {
    pub(super) finding: &'f Finding,
    pub(super) rule: &'static Rule,
    pub(super) path: String,
    /// In a notebook: in the cell.
    pub(super) range: Range,
    /// The number of a notebook's cell.
    pub(super) cell: Option<usize>,
    pub(super) related: Vec<(String, Range, &'f str)>,
    /// The edits of the fix.
    pub(super) edits: Vec<(String, Range, &'f str)>,
}

impl Shown<'_> {
    /// `path:line:column`, with the cell in a notebook.
    pub(super) fn place(&self) -> String {
        let start = self.range.start;
        match self.cell {
            Some(cell) => format!("{}:cell {cell}:{}:{}", self.path, start.line, start.column),
            None => format!("{}:{}:{}", self.path, start.line, start.column),
        }
    }

    pub(super) fn fix(&self) -> Option<&Fix> {
        self.finding.fix.as_ref()
    }
}

/// What is told besides the findings.
pub(super) struct Summary {
    errors: usize,
    warnings: usize,
    hints: usize,
    fixed: usize,
    /// Findings that `--fix` would mend, and those that `--unsafe-fixes` would.
    fixable: (usize, usize),
}

impl Summary {
    fn of(outcome: &Outcome) -> Self {
        let count = |severity| outcome.findings.iter().filter(|f| f.severity == severity).count();
        let fixable = |a| {
            outcome.findings.iter().filter(|f| f.fix.as_ref().is_some_and(|x| x.applicability == a)).count()
        };
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            hints: count(Severity::Hint),
            fixed: outcome.fixed.values().sum(),
            fixable: (fixable(Applicability::Safe), fixable(Applicability::Unsafe)),
        }
    }

    /// `Found 2 errors and 1 hint.`
    pub(super) fn sentences(&self) -> Vec<String> {
        let plural = |n: usize, word: &str| match n {
            0 => None,
            1 => Some(format!("1 {word}")),
            n => Some(format!("{n} {word}s")),
        };
        let counts = [(self.errors, "error"), (self.warnings, "warning"), (self.hints, "hint")];
        let parts: Vec<String> = counts.into_iter().filter_map(|(n, word)| plural(n, word)).collect();
        let mut sentences = Vec::new();
        sentences.extend(plural(self.fixed, "mistake").map(|fixed| format!("Fixed {fixed}.")));
        match parts.as_slice() {
            [] if self.fixed > 0 => sentences.push("Nothing is left.".to_owned()),
            [] => sentences.push("No mistakes found.".to_owned()),
            [one] => sentences.push(format!("Found {one}.")),
            [one, two] => sentences.push(format!("Found {one} and {two}.")),
            all => sentences.push(format!("Found {}.", all.join(", "))),
        }
        match self.fixable {
            (0, 0) => {}
            (safe, 0) => sentences.push(format!("{safe} can be fixed with --fix.")),
            (0, harm) => sentences.push(format!("{harm} can be fixed with --fix --unsafe-fixes.")),
            (safe, harm) => {
                sentences.push(format!("{safe} can be fixed with --fix, {harm} more with --unsafe-fixes."))
            }
        }
        sentences
    }
}

/// Writes findings to standard output.
pub(super) fn write(arguments: &Check, outcome: &Outcome, context: &Context) -> Result<(), CliError> {
    let mut out = Output::new();
    render(arguments, outcome, context, &mut out)?;
    Ok(out.finish()?)
}

/// The same text, for another stream.
pub(super) fn text(arguments: &Check, outcome: &Outcome, context: &Context) -> Result<Vec<u8>, CliError> {
    let mut out = Output::new();
    render(arguments, outcome, context, &mut out)?;
    Ok(out.into_bytes())
}

fn render(arguments: &Check, outcome: &Outcome, context: &Context, out: &mut Output) -> Result<(), CliError> {
    let mut places = Places::new(&*context.fs, |path| context.shown(path));
    let mut cells = Cells::default();
    let shown: Vec<Shown<'_>> =
        outcome.findings.iter().map(|finding| shown(finding, &mut places, &mut cells, context)).collect();
    let summary = Summary::of(outcome);
    let quiet = arguments.quiet;
    if arguments.statistics {
        return statistics::write(out, &shown, chosen_format(arguments) == CheckFormat::Json);
    }
    match chosen_format(arguments) {
        CheckFormat::Full => full::write(out, &shown, &mut places, (!quiet).then_some(&summary)),
        CheckFormat::Concise => concise::write(out, &shown, (!quiet).then_some(&summary)),
        CheckFormat::Json => json::write(out, &shown),
        CheckFormat::JsonLines => json::write_lines(out, &shown),
        CheckFormat::Sarif => sarif::write(out, &shown),
        CheckFormat::Github => github::write(out, &shown),
        CheckFormat::Gitlab => gitlab::write(out, &shown),
        CheckFormat::Junit => junit::write(out, &shown),
        CheckFormat::Agent => agent::write(out, &shown),
    }
}

/// The cells of the notebooks that were asked for.
#[derive(Default)]
struct Cells(HashMap<PathBuf, Vec<Cell>>);

impl Cells {
    fn of(&mut self, path: &Path, context: &Context) -> &[Cell] {
        self.0.entry(path.to_owned()).or_insert_with(|| {
            let text = context.raw.read_text(path).unwrap_or_default();
            notebook::read(&text).map(|(_, cells)| cells).unwrap_or_default()
        })
    }
}

fn shown<'f>(
    finding: &'f Finding,
    places: &mut Places<'_>,
    cells: &mut Cells,
    context: &Context,
) -> Shown<'f> {
    let mut range = places.range(&finding.site);
    let mut cell = None;
    if is_notebook(&finding.site.path) {
        let all = cells.of(&finding.site.path, context);
        if let Some(own) = all.iter().rev().find(|c| c.line < range.start.line) {
            range.start.line -= own.line;
            range.end.line -= own.line;
            cell = Some(own.number);
        }
    }
    let related = finding
        .related
        .iter()
        .map(|r| (places.path(&r.site.path), places.range(&r.site), r.message.as_str()));
    let related = related.collect();
    let edits = finding.fix.iter().flat_map(|fix| &fix.edits).map(|edit| {
        let site = image_model::origin::Site {
            path: std::sync::Arc::clone(&edit.path),
            start: edit.start,
            end: edit.end,
        };
        (places.path(&edit.path), places.range(&site), edit.content.as_str())
    });
    let edits = edits.collect();
    Shown { finding, rule: finding.rule, path: places.path(&finding.site.path), range, cell, related, edits }
}

/// The word for a severity in formats of other tools, which know errors, warnings and notes.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    }
}

/// A whole JSON document.
fn document(out: &mut Output, value: &impl serde::Serialize) -> Result<(), CliError> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(std::io::Error::from)?;
    Ok(writeln!(out)?)
}
