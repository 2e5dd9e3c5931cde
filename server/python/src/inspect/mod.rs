//! The images of a file, as a person or a program wants to see them: one entry an image, one variant an outcome.

mod report;
mod variant;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_model::origin::Site;

pub use self::report::{
    Binding, Certainty, FileReport, ImageReport, LayerReport, Missing, Stage, StageError, Variant,
    missing_path,
};
use self::variant::variant;
pub use crate::evaluate::Use;
use crate::evaluate::{self, Condition, Evaluation, Found, Outcome, Sources};
use crate::project::Facts;

/// Inspects a file: evaluates it, and works out each image's tag, Dockerfile and errors.
///
/// # Errors
/// A message when the file cannot be read.
pub fn inspect(
    path: &Path,
    sources: &Sources,
    fs: &dyn FileSystem,
    facts: &Arc<Facts>,
) -> Result<FileReport, String> {
    on_large_stack(|| inspect_here(path, sources, fs, facts))?
}

/// Bytes of stack that [`inspect_here`] needs: with them, however deep the code nests, the bounds are reached first.
pub const STACK: usize = 64 << 20;

/// Runs something on a stack of [`STACK`] bytes.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(|e| e.to_string())?
            .join()
            .map_err(|_| "the evaluation failed; this is a defect of image-lsp".to_owned())
    })
}

/// The same on the caller's stack, which has to be of [`STACK`] bytes.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_here(
    path: &Path,
    sources: &Sources,
    fs: &dyn FileSystem,
    facts: &Arc<Facts>,
) -> Result<FileReport, String> {
    let module = sources.module(path, fs)?;
    let own = facts.of_script(path, &module.text, fs).map(Arc::new);
    let facts = own.as_ref().unwrap_or(facts);
    let syntax_error = module.first_error.map(|span| Site {
        path: Arc::clone(&module.path),
        start: span.range().start,
        end: span.range().end,
    });
    let evaluation = evaluate::evaluate(path, sources, fs, facts);
    let mut report = FileReport {
        path: Arc::clone(&module.path),
        images: collect(&evaluation, fs, facts),
        import_error: evaluation.outcomes.first().and_then(|o| o.import_error.clone()),
        errors: Vec::new(),
        syntax_error,
        facts: Arc::clone(facts),
        files: Vec::new(),
    };
    for outcome in &evaluation.outcomes {
        for (raised, site) in &outcome.errors {
            let error =
                StageError { stage: Stage::Import, raised: raised.clone(), site: site.clone(), method: None };
            if !report.errors.contains(&error) {
                report.errors.push(error);
            }
        }
        for file in &outcome.files {
            if !report.files.contains(file) {
                report.files.push(Arc::clone(file));
            }
        }
    }
    Ok(report)
}

/// What an image has in common over all outcomes: its expression, and which of several it is there.
type Identity = (usize, usize, Arc<Path>, usize);

fn collect(evaluation: &Evaluation, fs: &dyn FileSystem, facts: &Facts) -> Vec<ImageReport> {
    let mut grouped: BTreeMap<Identity, Vec<(usize, &Found)>> = BTreeMap::new();
    for (number, outcome) in evaluation.outcomes.iter().enumerate() {
        let mut seen: BTreeMap<(usize, usize, &Path), usize> = BTreeMap::new();
        for found in &outcome.images {
            let turn = seen.entry((found.site.start, found.site.end, &found.site.path)).or_default();
            let identity = (found.site.start, found.site.end, Arc::clone(&found.site.path), *turn);
            *turn += 1;
            if found.own || !found.names.is_empty() {
                grouped.entry(identity).or_default().push((number, found));
            }
        }
    }
    let mut reports: Vec<ImageReport> =
        grouped.into_values().filter_map(|group| report(&group, evaluation, fs, facts)).collect();
    // An image that a loop or a helper makes several times the same is shown once.
    reports.dedup_by(|b, a| {
        let same = a.site == b.site && a.names == b.names && a.variants.len() == b.variants.len();
        same && a.variants.iter().zip(&b.variants).all(|(x, y)| x.uri == y.uri && x.image == y.image)
    });
    reports
}

fn report(
    group: &[(usize, &Found)],
    evaluation: &Evaluation,
    fs: &dyn FileSystem,
    facts: &Facts,
) -> Option<ImageReport> {
    let (_, first) = group.first()?;
    let names = distinct(group.iter().flat_map(|(_, found)| &found.names));
    let uses = distinct(group.iter().flat_map(|(_, found)| &found.uses));
    let environments = distinct(group.iter().flat_map(|(_, found)| &found.environments));
    let intermediate = names.is_empty() && uses.is_empty() && group.iter().all(|(_, f)| f.has_descendants);
    if intermediate && group.iter().all(|(_, f)| f.error.is_none()) {
        return None;
    }
    let mut variants: Vec<(Variant, Vec<usize>)> = Vec::new();
    for (number, found) in group {
        let variant = variant(found, &evaluation.outcomes[*number], fs, facts);
        match variants.iter_mut().find(|(v, _)| same(v, &variant)) {
            Some((_, numbers)) => numbers.push(*number),
            None => variants.push((variant, vec![*number])),
        }
    }
    let variants: Vec<Variant> = variants
        .into_iter()
        .map(|(variant, numbers)| Variant { when: conditions(&numbers, &evaluation.outcomes), ..variant })
        .collect();
    let mut assumptions = distinct(variants.iter().flat_map(|variant| &variant.assumptions));
    let unknowns = distinct(variants.iter().flat_map(|variant| &variant.unknowns));
    if evaluation.truncated {
        let count = evaluation.outcomes.len();
        assumptions.push(format!("only {count} of the file's possible outcomes were looked at"));
    }
    let certainty = match variants.first() {
        Some(variant) if variant.uri.is_none() => Certainty::Unknown,
        _ if !assumptions.is_empty() || variants.len() > 1 || variants.iter().any(|v| !v.when.is_empty()) => {
            Certainty::Assumed
        }
        _ => Certainty::Exact,
    };
    Some(ImageReport {
        bindings: bindings(&names, group, &evaluation.outcomes),
        names,
        site: first.site.clone(),
        uses,
        environments,
        certainty,
        assumptions,
        unknowns,
        variants,
        imported: !first.own && !first.names.iter().any(|n| n.ends_with(".image")),
        speculative: first.speculative,
        intermediate,
    })
}

/// Each once, in the order in which they come first.
fn distinct<'a, T: Clone + PartialEq + 'a>(all: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for one in all {
        if !kept.contains(one) {
            kept.push(one.clone());
        }
    }
    kept
}

fn same(a: &Variant, b: &Variant) -> bool {
    a.uri == b.uri && a.image == b.image && a.errors == b.errors && a.unknowns == b.unknowns
}

fn bindings(names: &[String], group: &[(usize, &Found)], outcomes: &[Outcome]) -> Vec<Binding> {
    let of = |name: &String| {
        let holding: Vec<usize> =
            group.iter().filter(|(_, found)| found.names.contains(name)).map(|(number, _)| *number).collect();
        let (when, likely) = (conditions(&holding, outcomes), holding.contains(&0));
        Binding { name: name.clone(), when, likely }
    };
    names.iter().map(of).collect()
}

/// The conditions that hold in all the given outcomes and not in all outcomes.
fn conditions(numbers: &[usize], outcomes: &[Outcome]) -> Vec<Condition> {
    let Some(first) = numbers.first().and_then(|n| outcomes.get(*n)) else { return Vec::new() };
    let holds = |outcome: &Outcome, condition: &Condition| outcome.conditions.contains(condition);
    first
        .conditions
        .iter()
        .filter(|c| numbers.iter().all(|n| holds(&outcomes[*n], c)) && !outcomes.iter().all(|o| holds(o, c)))
        .cloned()
        .collect()
}
