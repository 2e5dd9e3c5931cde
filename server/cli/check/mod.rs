//! `image-lsp check`: which files, with which settings; what is found, mended and suppressed; how it is told.

mod fix;
mod format;
mod manifest;
mod stdin;
mod suppress;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_python::inspect::FileReport;
use image_rules::settings::Settings;
use image_rules::{Applicability, Finding, Severity};

use crate::args::{Check, CheckFormat, Project};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::{self, Target};

use self::manifest::Projects;

/// What a run found and did.
#[derive(Default)]
pub(crate) struct Outcome {
    /// What is left.
    pub(crate) findings: Vec<Finding>,
    /// How many findings each rule had mended.
    pub(crate) fixed: BTreeMap<&'static str, usize>,
    /// Files that would change.
    pub(crate) differs: bool,
    pub(crate) problems: Vec<CliError>,
    /// The files that were looked at when something was found in a file: others use what it says.
    pub(crate) owners: BTreeMap<Arc<Path>, BTreeSet<PathBuf>>,
}

pub(crate) fn run(arguments: &Check, project: &Project) -> Result<u8, CliError> {
    if arguments.paths.iter().any(|p| p == "-") {
        return stdin::run(arguments, project);
    }
    if arguments.watch {
        return watch::run(arguments, project);
    }
    once(arguments, project)
}

/// One run.
pub(crate) fn once(arguments: &Check, project: &Project) -> Result<u8, CliError> {
    let context = Context::for_check(project, arguments)?;
    let (targets, problems) = files::check_targets(arguments, &context);
    let mut outcome = check(&targets, arguments.force_exclude, &context);
    outcome.problems.splice(0..0, problems);
    if arguments.add_suppressions {
        return suppress::run(outcome, &context);
    }
    if arguments.fix || arguments.diff {
        fix::run(arguments, &mut outcome, &context)?;
    }
    finish(arguments, &outcome, &context)
}

/// Tells what was found, and with which status the program ends.
fn finish(arguments: &Check, outcome: &Outcome, context: &Context) -> Result<u8, CliError> {
    if !arguments.diff {
        format::write(arguments, outcome, context)?;
    }
    for problem in &outcome.problems {
        error::render(problem);
    }
    let bad = outcome.findings.iter().any(|f| f.severity != Severity::Hint);
    let bad = if arguments.diff { outcome.differs } else { bad };
    Ok(match (outcome.problems.is_empty(), bad && !arguments.exit_zero) {
        (false, _) => 2,
        (true, true) => 1,
        (true, false) => 0,
    })
}

/// Checks files, several at a time.
fn check(targets: &[Target], force_exclude: bool, context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let workspace = context.has_workspace_rules();
    let projects = Projects::default();
    let checked = files::for_each(targets, |target| {
        if (!target.explicit || force_exclude) && context.is_excluded(&target.path) {
            return Ok((Vec::new(), None));
        }
        if let Some(findings) = projects.check(&target.path, context) {
            return Ok((findings, None));
        }
        let (report, settings) = inspect(context, target)?;
        let findings = image_rules::check(&report, &context.sources, &*context.fs, &settings);
        let own = findings.into_iter().map(|f| (f, target.path.clone()));
        let others = if target.explicit { projects.of_header(&target.path, context) } else { Vec::new() };
        let findings = own.chain(others).collect();
        Ok((findings, workspace.then_some((report, settings))))
    });
    let mut reports: Vec<(FileReport, Arc<Settings>)> = Vec::new();
    for (target, result) in checked {
        match result {
            Ok((findings, report)) => {
                for (finding, owner) in findings {
                    outcome.owners.entry(Arc::clone(&finding.site.path)).or_default().insert(owner);
                    outcome.findings.push(finding);
                }
                reports.extend(report);
            }
            Err(message) => {
                outcome.problems.push(CliError::Unreadable { path: context.shown(&target.path), message });
            }
        }
    }
    outcome.problems.extend(context.take_settings_errors());
    if workspace {
        let all: Vec<(&FileReport, &Settings)> = reports.iter().map(|(r, s)| (r, &**s)).collect();
        outcome.findings.extend(image_rules::check_workspace(&all, &context.sources, &*context.fs));
    }
    // Modules that several files import are told once.
    image_rules::order(&mut outcome.findings);
    outcome
}

fn inspect(context: &Context, target: &Target) -> Result<(FileReport, Arc<Settings>), String> {
    let settings = context.settings(&target.path);
    let (report, _) = context.inspect(&target.path)?;
    Ok((report, settings))
}

/// How far fixes may go.
fn applicability(arguments: &Check) -> Applicability {
    if arguments.unsafe_fixes { Applicability::Unsafe } else { Applicability::Safe }
}

/// The format: as asked; the one for agents where one runs this program.
pub(crate) fn chosen_format(arguments: &Check) -> CheckFormat {
    const AGENTS: &[&str] = &[
        "AI_AGENT",
        "CLAUDECODE",
        "CURSOR_AGENT",
        "GEMINI_CLI",
        "CODEX_SANDBOX",
        "OPENCODE",
        "AUGMENT_AGENT",
        "CLINE_ACTIVE",
        "REPLIT_AGENT",
    ];
    arguments.output_format.unwrap_or_else(|| {
        let runs =
            |name: &&&str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0" && v != "false");
        if AGENTS.iter().find(runs).is_some() { CheckFormat::Agent } else { CheckFormat::Full }
    })
}

/// The paths whose files a finding's fix changes.
fn touched(findings: &[Finding]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = findings
        .iter()
        .filter_map(|f| f.fix.as_ref())
        .flat_map(|f| &f.edits)
        .map(|e| e.path.to_path_buf())
        .collect();
    paths.sort();
    paths.dedup();
    paths
}
