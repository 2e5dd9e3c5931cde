//! `--add-suppressions`: a comment for each finding that is there now, so that only new ones are told.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use image_manifests::manifest::Format;
use image_python::notebook::is_notebook;
use image_rules::apply::{edited, is_sound};
use image_rules::{Finding, suppress_all};

use super::{Outcome, fix};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::paint::Output;

pub(super) fn run(mut outcome: Outcome, context: &Context) -> Result<u8, CliError> {
    let mut by_file: BTreeMap<Arc<Path>, Vec<Finding>> = BTreeMap::new();
    for finding in std::mem::take(&mut outcome.findings) {
        by_file.entry(Arc::clone(&finding.site.path)).or_default().push(finding);
    }
    let (mut comments, mut files) = (0, 0);
    for (path, findings) in by_file {
        let is_python = path.extension().is_some_and(|e| e == "py");
        let takes_comments = is_python
            || matches!(Format::of(&path), Some(Format::Requirements | Format::Project | Format::Pixi));
        let (Ok(text), Ok(bytes)) = (context.fs.read_text(&path), std::fs::read(&path)) else { continue };
        if !takes_comments || is_notebook(&path) {
            continue;
        }
        let plain = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let edits = suppress_all(&findings, &path, plain);
        let new = edited(plain, &edits.iter().collect::<Vec<_>>());
        if edits.is_empty() {
            continue;
        }
        let done = if is_sound(plain, &new, is_python, true) {
            fix::write(&path, &new, Some(&bytes))
        } else {
            Err("there is no place for a comment".to_owned())
        };
        match done {
            Ok(()) => {
                comments += edits.len();
                files += 1;
            }
            Err(message) => outcome.problems.push(CliError::NotFixed { path: context.shown(&path), message }),
        }
    }
    let mut out = Output::new();
    let plural = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    writeln!(out, "Added {} to {}.", plural(comments, "suppression"), plural(files, "file"))?;
    out.finish()?;
    for problem in &outcome.problems {
        error::render(problem);
    }
    Ok(if outcome.problems.is_empty() { 0 } else { 2 })
}
