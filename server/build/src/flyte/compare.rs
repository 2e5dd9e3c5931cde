//! What flyte says of a file's images against what is predicted of them.

use std::sync::Arc;

use image_model::origin::CallSite;
use image_model::world::Fact;
use image_python::inspect::{FileReport, ImageReport, Stage, StageError, Variant};

use super::child::{Attempt, Described, Exception, Made};
use super::verify::{Compared, Difference, Part, Target, Verdict};

/// Compares all images of a file. `temporary` is the child's folder for temporary files, which no prediction knows.
pub(super) fn compare(described: &[Described], target: &Target<'_>, temporary: &str) -> Vec<Compared> {
    let report = target.report;
    let wanted = |names: &[String]| target.name.is_none_or(|name| names.iter().any(|n| n == name));
    let mut compared = Vec::new();
    let mut met = vec![false; report.images.len()];
    for described in described {
        let numbers: Vec<usize> = described.names.iter().filter_map(|name| report.named(name)).collect();
        numbers.iter().for_each(|number| met[*number] = true);
        if !wanted(&described.names) {
            continue;
        }
        let uri = match &described.uri {
            Attempt::Ok(uri) => uri.clone(),
            Attempt::Error(_) => None,
        };
        let image = numbers.first().map(|number| &report.images[*number]);
        let verdict = match image {
            Some(image) => against_all(described, image, report, temporary),
            None => Verdict::NotComparable("there is no prediction for these names".to_owned()),
        };
        compared.push(Compared {
            names: described.names.clone(),
            site: image.map(|i| i.site.clone()),
            predicted: image.and_then(|i| i.variants.first()?.uri.clone()),
            uri,
            verdict,
        });
    }
    let rest = report.images.iter().zip(met).filter(|(_, is_met)| !is_met).map(|(image, _)| image);
    let rest = rest.filter(|i| !i.intermediate && !i.imported && !i.speculative && wanted(&i.names));
    compared.extend(rest.map(alone));
    compared
}

/// An image that flyte does not have.
fn alone(image: &ImageReport) -> Compared {
    let variant = image.variants.first();
    // What is deeper in containers and objects, flyte's side may not look at.
    let is_plain =
        |name: &str| !name.starts_with("__") && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let certain = image.bindings.iter().find(|b| b.likely && b.when.is_empty() && is_plain(&b.name));
    let is_known = variant.is_some_and(|v| v.unknowns.is_empty() && v.errors.is_empty());
    let verdict = match certain {
        Some(binding) if is_known => Verdict::Different(Difference {
            part: Part::Name,
            predicted: format!("{} is an image", binding.name),
            actual: "it is none".to_owned(),
            method: None,
            site: Some(image.site.clone()),
        }),
        _ if image.names.is_empty() => Verdict::NotComparable("no name of the module holds it".to_owned()),
        _ => Verdict::NotComparable("no name holds it in this environment".to_owned()),
    };
    let predicted = variant.and_then(|v| v.uri.clone());
    Compared { names: image.names.clone(), site: Some(image.site.clone()), predicted, uri: None, verdict }
}

/// What flyte says of an image against its prediction, in all outcomes.
fn against_all(described: &Described, image: &ImageReport, report: &FileReport, temporary: &str) -> Verdict {
    let Some(likeliest) = image.variants.first() else {
        return Verdict::NotComparable("it has no outcome".to_owned());
    };
    let verdict = against(described, image, likeliest, report, temporary);
    if verdict == Verdict::Equal {
        return verdict;
    }
    // Where a condition could not be decided, flyte shows which outcome it is.
    let has_name = |i: &&ImageReport| described.names.iter().any(|name| i.binding(name).is_some());
    let outcomes = report.images.iter().filter(has_name).flat_map(|i| i.variants.iter().map(move |v| (i, v)));
    let mut others = outcomes.filter(|(_, v)| !std::ptr::eq(*v, likeliest));
    let is_equal =
        |(i, v): (&ImageReport, &Variant)| against(described, i, v, report, temporary) == Verdict::Equal;
    if others.any(is_equal) { Verdict::Equal } else { verdict }
}

/// What flyte says of an image against one outcome of its prediction.
fn against(
    described: &Described,
    image: &ImageReport,
    variant: &Variant,
    report: &FileReport,
    temporary: &str,
) -> Verdict {
    let calls = variant.image.calls.iter().chain(&variant.image.origin);
    let mut settled_late = calls.filter(|c| ["with_code_bundle", "from_ref_name"].contains(&c.method));
    if !described.resolved && settled_late.next().is_some() {
        let because = "flyte settles its code bundle or reference only while it builds, and the file sets flyte up itself";
        return Verdict::NotComparable(because.to_owned());
    }
    let different = |part, predicted: String, actual: String| {
        Verdict::Different(Difference {
            part,
            predicted,
            actual,
            method: None,
            site: Some(image.site.clone()),
        })
    };
    let predicted_error = |stage: Stage| variant.errors.iter().find(|e| e.stage == stage);
    match (&described.uri, &variant.uri) {
        (Attempt::Error(error), _) if error.message.starts_with("root_dir not set for CodeBundleLayer") => {
            return Verdict::NotComparable(
                "this release of flyte settles its code bundle only when it deploys".to_owned(),
            );
        }
        (Attempt::Error(error), None) => {
            let theirs = exception(error);
            if !variant.errors.iter().any(|e| in_words(e) == theirs) {
                let ours = variant.errors.first().map(in_words);
                return match (ours, variant.unknowns.first()) {
                    (Some(ours), _) => different(Part::Error, ours, theirs),
                    (None, Some(unknown)) => not_known(&unknown.reason),
                    (None, None) => different(Part::Error, "no error".to_owned(), theirs),
                };
            }
            return Verdict::Equal;
        }
        (Attempt::Error(error), Some(uri)) => {
            return different(Part::Error, uri.clone(), exception(error));
        }
        (Attempt::Ok(uri), None) => {
            let uri = uri.clone().unwrap_or_default();
            return match (variant.errors.first(), variant.unknowns.first()) {
                (Some(error), _) => different(Part::Error, in_words(error), uri),
                (None, unknown) => not_known(unknown.map_or("it is not predicted", |u| &u.reason)),
            };
        }
        (Attempt::Ok(theirs), Some(ours)) if theirs.as_ref() != Some(ours) => {
            let rests_on = |fact| variant.assumptions.contains(&report.facts.describe(fact));
            if rests_on(Fact::TempDir) {
                return Verdict::NotComparable("it depends on the folder for temporary files".to_owned());
            }
            if rests_on(Fact::Endpoint) {
                // Of the releases that look at it, `flyte deploy` and `run` know it when they import the file, and
                // `flyte build` does not.
                let because = "its registry depends on flyte's endpoint, and no server is asked here";
                return Verdict::NotComparable(because.to_owned());
            }
            let call = first_different(variant, described.calls.as_deref().unwrap_or_default());
            return Verdict::Different(Difference {
                part: Part::Address,
                predicted: ours.clone(),
                actual: theirs.clone().unwrap_or_default(),
                method: call.map(|c| c.method),
                site: Some(call.map_or_else(|| image.site.clone(), |c| c.site.clone())),
            });
        }
        _ => {}
    }
    let validated = described.validate.as_ref();
    match (validated, predicted_error(Stage::Validate)) {
        (Some(Attempt::Error(error)), None) => {
            return different(Part::Error, "no error".to_owned(), exception(error));
        }
        (Some(Attempt::Error(error)), Some(ours)) if exception(error) != in_words(ours) => {
            return different(Part::Error, in_words(ours), exception(error));
        }
        (Some(Attempt::Ok(_)), Some(ours)) => {
            return different(Part::Error, in_words(ours), "no error".to_owned());
        }
        _ => {}
    }
    dockerfile(described, image, variant, &report.facts.environment.temp_dir, temporary)
}

/// An error that is predicted, as Python prints it.
fn in_words(error: &StageError) -> String {
    format!("{}: {}", error.raised.exception, error.raised.message)
}

pub(super) fn build_error(variant: &Variant) -> Option<&StageError> {
    variant.errors.iter().find(|e| e.stage == Stage::Build)
}

fn not_known(reason: &str) -> Verdict {
    Verdict::NotComparable(format!("the prediction is not known, because {reason}"))
}

fn exception(error: &Exception) -> String {
    format!("{}: {}", error.class.as_deref().unwrap_or_default(), error.message)
}

fn dockerfile(
    described: &Described,
    image: &ImageReport,
    variant: &Variant,
    temp_dir: &str,
    temporary: &str,
) -> Verdict {
    let theirs = match described.dockerfile.as_ref() {
        Some(Attempt::Ok(Some(text))) => text.replace(temporary, temp_dir),
        // flyte takes the user's own Dockerfile as it is, and so does the prediction.
        None | Some(Attempt::Ok(None)) => return Verdict::Equal,
        Some(Attempt::Error(error)) => {
            if variant.errors.iter().any(|ours| in_words(ours) == exception(error)) {
                return Verdict::Equal;
            }
            let why = exception(error);
            return Verdict::NotComparable(format!(
                "the address is equal, but flyte's dry run fails here: {why}"
            ));
        }
    };
    let Some(ours) = &variant.dockerfile else {
        return match build_error(variant) {
            Some(error) => Verdict::Different(Difference {
                part: Part::Error,
                predicted: in_words(error),
                actual: "no error".to_owned(),
                method: error.method,
                site: Some(error.site.clone()),
            }),
            None => Verdict::Equal,
        };
    };
    let lines = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
    let (ours, theirs) = (lines(&ours.text), lines(&theirs));
    let differs = |n: &usize| ours.get(*n) != theirs.get(*n);
    let Some(line) = (0..ours.len().max(theirs.len())).find(differs) else { return Verdict::Equal };
    let layer = variant
        .layers
        .iter()
        .find(|l| l.dockerfile_lines.is_some_and(|(first, last)| (first..=last).contains(&(line + 1))));
    let shown = |lines: &[String]| {
        lines.get(line).map_or_else(|| "no line".to_owned(), |text| format!("line {}: {text}", line + 1))
    };
    Verdict::Different(Difference {
        part: Part::Dockerfile,
        predicted: shown(&ours),
        actual: shown(&theirs),
        method: layer.and_then(|l| l.method),
        site: layer.and_then(|l| l.site.clone()).or_else(|| Some(image.site.clone())),
    })
}

/// The first call after which the tags are not the same.
fn first_different<'v>(variant: &'v Variant, made: &[Made]) -> Option<&'v CallSite> {
    let is_followed = |call: &&Arc<CallSite>| call.method == "clone" || call.method.starts_with("with_");
    let calls: Vec<&Arc<CallSite>> = variant.image.calls.iter().filter(is_followed).collect();
    let mut so_far: Option<&str> = None;
    for (number, call) in calls.iter().enumerate() {
        let layer = variant.layers.iter().rev().find(|l| l.site.as_ref() == Some(&call.site));
        so_far = layer.and_then(|l| l.tag_so_far.as_deref()).or(so_far);
        let theirs = made.get(number);
        if theirs.is_none_or(|made| made.method != call.method) {
            return Some(call);
        }
        let tag = theirs.and_then(|made| made.uri.as_deref()?.rsplit_once(':').map(|(_, tag)| tag));
        if let (Some(ours), Some(theirs)) = (so_far, tag)
            && ours != theirs
        {
            return Some(call);
        }
    }
    None
}
