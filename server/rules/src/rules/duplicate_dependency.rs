//! IMG508 duplicate-dependency

use std::collections::{BTreeMap, HashMap};

use image_manifests::manifest::{Dependency, Manifest};
use image_manifests::requirement::{Requirement, parts};

use crate::finding::{Edit, Fix};
use crate::manifest::Read;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG508",
    name: "duplicate-dependency",
    severity: Severity::Warning,
    what: "Finds a project that a script's header names twice, for environments that have something in common.",
    why: "Both hold: who changes one of them does not change what is installed, or leaves no version that satisfies both.",
    proof: Proof::Later("Nothing fails, unless no version satisfies both."),
    example: "# /// script\n# dependencies = [\"flyte\", \"httpx>=0.27\", \"HTTPX<1\"]\n# ///\nprint(\"training\")\n",
    instead: "# /// script\n# dependencies = [\"flyte\", \"httpx>=0.27,<1\"]\n# ///\nprint(\"training\")\n",
    safety: FixSafety::Safe,
    fix: "It makes one of the two, which asks for what both ask for.",
    check: Check::Manifest(|checker, used| {
        let Some(manifest) = used.read.manifest.as_ref().filter(|_| used.role.is_script()) else { return };
        for (first, second, clash) in duplicates(manifest) {
            let what = if clash { ", and no version satisfies both" } else { "" };
            let message = format!("{} is named twice{what}", second.name);
            let found = used.finding(&RULE, second.range.clone(), message);
            let found = found.related(used.read.site(first.range.clone()), "the first time");
            checker.push(found.fix(if clash { None } else { merge(&used.read, first, second) }));
        }
    }),
    ..Rule::BASE
};

/// Requirements of one list that name a project again, each with the first one that does, and whether no version
/// satisfies both. What never holds with the Pythons that are asked for is left out.
pub(super) fn duplicates(manifest: &Manifest) -> Vec<(&Dependency, &Dependency, bool)> {
    let all = &manifest.dependencies;
    let python = manifest.requires_python.as_ref().map_or("", |required| &required.value);
    // Thousands of requirements are counted before a few are compared.
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    for dependency in all {
        *counts.entry((&dependency.name, &dependency.list)).or_default() += 1;
    }
    let mut by_name: BTreeMap<(&str, &str), Vec<&Dependency>> = BTreeMap::new();
    for dependency in all {
        let key = (dependency.name.as_str(), dependency.list.as_str());
        if !dependency.name.is_empty() && counts.get(&key).is_some_and(|count| *count > 1) {
            by_name.entry(key).or_default().push(dependency);
        }
    }
    let mut found = Vec::new();
    for same in by_name.into_values() {
        let parsed: Vec<(&Dependency, Requirement)> =
            same.into_iter().filter_map(|d| Some((d, Requirement::parse(&d.text).filter(|r| r.holds_with(python))?))).collect();
        for (number, (second, own)) in parsed.iter().enumerate() {
            let earlier = parsed[..number].iter().find(|(_, other)| other.meets(own));
            found.extend(earlier.map(|(first, other)| (*first, *second, other.clashes(own))));
        }
    }
    found
}

/// One requirement in the place of two.
fn merge(read: &Read, first: &Dependency, second: &Dependency) -> Option<Fix> {
    let (one, other) = (Requirement::parse(&first.text)?, Requirement::parse(&second.text)?);
    if one.address().is_some() || other.address().is_some() || !one.same_marker(&other) {
        return None;
    }
    let (own, more) = (parts(&first.text)?, parts(&second.text)?);
    let written = |text: &str, all: &[(std::ops::Range<usize>, std::ops::Range<usize>)]| -> Vec<String> {
        all.iter().map(|(operator, version)| format!("{}{}", &text[operator.clone()], &text[version.clone()])).collect()
    };
    let mut specifiers = written(&first.text, &own.specifiers);
    let added: Vec<String> =
        written(&second.text, &more.specifiers).into_iter().filter(|s| !specifiers.contains(s)).collect();
    let mut extras = one.extras();
    extras.extend(other.extras());
    extras.sort();
    extras.dedup();
    let mut edits = vec![read.remove_dependency(second)?];
    if !added.is_empty() || extras.len() > one.extras().len() {
        specifiers.extend(added);
        let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
        let marker = own.marker.map(|m| format!(" ; {}", &first.text[m])).unwrap_or_default();
        let text = format!("{}{extras}{}{marker}", &first.text[own.name], specifiers.join(","));
        edits.push(Edit::replace(&read.site(first.inner.clone()?), text));
    }
    Fix::safe("make one requirement of the two", edits)
}
