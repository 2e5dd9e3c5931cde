//! What the checks of one file work with, and the running of all rules.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_manifests::manifest::Format;
use image_model::origin::{CallSite, Given, Origin, Site};
use image_model::world::World;
use image_python::evaluate::Sources;
use image_python::inspect::{FileReport, ImageReport, StageError, Variant};

use crate::finding::{Finding, Related};
use crate::manifest::{self, Read};
use crate::rule::{Check, Rule, is_about_manifests};
use crate::rules;
use crate::settings::Settings;
use crate::source::{Literal, Source, written_here};
use crate::suppression;

/// Files that images are made from, by path and by what they are read as; `None` for what cannot be read.
type Manifests = HashMap<(PathBuf, Option<Format>), Option<Rc<Read>>>;

/// What a file's checks have in common.
pub(crate) struct Checker<'a> {
    /// What is known of the file.
    pub(crate) report: &'a FileReport,
    /// The parsed modules.
    pub(crate) sources: &'a Sources,
    /// The files.
    pub(crate) fs: &'a dyn FileSystem,
    /// The settings that hold for the file.
    pub(crate) settings: &'a Settings,
    findings: RefCell<Vec<Finding>>,
    /// The files whose syntax was asked for.
    syntax: RefCell<HashMap<PathBuf, Option<Source>>>,
    /// The files that images are made from, as far as they were asked for.
    manifests: RefCell<Manifests>,
}

impl<'a> Checker<'a> {
    /// A checker that has found nothing yet.
    pub(crate) fn new(
        report: &'a FileReport,
        sources: &'a Sources,
        fs: &'a dyn FileSystem,
        settings: &'a Settings,
    ) -> Self {
        Self {
            report,
            sources,
            fs,
            settings,
            findings: RefCell::default(),
            syntax: RefCell::default(),
            manifests: RefCell::default(),
        }
    }

    pub(crate) fn push(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    /// The file system and the environment of a variant, for what the model answers.
    pub(crate) fn world<'w>(&'w self, variant: &'w Variant) -> World<'w> {
        World::new(self.fs, &variant.environment)
    }

    /// The syntax of a file.
    pub(crate) fn source(&self, path: &Path) -> Option<Source> {
        if let Some(known) = self.syntax.borrow().get(path) {
            return known.clone();
        }
        let source = self.sources.module(path, self.fs).ok().map(Source::new);
        self.syntax.borrow_mut().insert(path.to_owned(), source.clone());
        source
    }

    /// A file that an image is made from; `None` where it cannot be read.
    pub(crate) fn manifest(&self, path: &Path) -> Option<Rc<Read>> {
        self.manifest_as(Format::of(path), path)
    }

    /// The same, read as what the image takes it for, whatever its name.
    pub(crate) fn manifest_as(&self, format: Option<Format>, path: &Path) -> Option<Rc<Read>> {
        let key = (path.to_owned(), format);
        if let Some(known) = self.manifests.borrow().get(&key) {
            return known.clone();
        }
        // flyte reads neither folders nor what is no text; other rules tell of them.
        let text = if self.fs.is_file(path) { self.fs.read_shared(path).ok() } else { None };
        let read = text.map(|text| Rc::new(Read::new(path, format, &text)));
        self.manifests.borrow_mut().insert(key, read.clone());
        read
    }

    /// The images of this file, without those that it only imports.
    pub(crate) fn own_images(&self) -> impl Iterator<Item = &'a ImageReport> {
        self.report.images.iter().filter(|image| !image.imported && image.site.path == self.report.path)
    }

    /// A finding at an argument, or at one of the items in it.
    pub(crate) fn at(
        &self,
        rule: &'static Rule,
        given: &Given,
        items: &[usize],
        message: impl Into<String>,
    ) -> Finding {
        let blame = Blame::of(given, items);
        let mut finding = Finding::new(rule, blame.site, message);
        finding.related.extend(blame.related);
        finding
    }

    /// A finding at the argument of a parameter; at the call where it has none.
    pub(crate) fn at_parameter(
        &self,
        rule: &'static Rule,
        call: &CallSite,
        parameter: &str,
        message: impl Into<String>,
    ) -> Finding {
        match call.given(parameter).next() {
            Some(given) => self.at(rule, given, &[], message),
            None => Finding::new(rule, call.site.clone(), message),
        }
    }

    /// The literal that an item of an argument is, where it stands in the call.
    pub(crate) fn literal(&self, given: &Given, items: &[usize]) -> Option<Literal> {
        let site = written_here(given, items)?;
        self.source(&site.path)?.literal(site)
    }

    fn run(&self) {
        let enabled = |rule: &&&'static Rule| self.settings.severity(rule).is_some();
        let used = std::cell::OnceCell::new();
        for rule in rules::ALL.iter().filter(enabled) {
            match rule.check {
                Check::File(check) => check(self),
                Check::Variant(check) => {
                    self.report.images.iter().flat_map(|i| &i.variants).for_each(|v| check(self, v));
                }
                Check::Manifest(check) => {
                    used.get_or_init(|| manifest::uses(self)).iter().for_each(|u| check(self, u));
                }
                Check::Call(check) => self.calls(|variant, call| check(self, variant, call)),
                Check::Workspace(_) | Check::Own => {}
            }
        }
    }

    /// Each call of each variant. Calls that several images share are looked at once for each environment.
    fn calls(&self, mut check: impl FnMut(&Variant, &CallSite)) {
        let mut seen: std::collections::HashSet<*const CallSite> = std::collections::HashSet::new();
        for variant in self.report.images.iter().flat_map(|i| &i.variants) {
            for call in &variant.image.calls {
                if !seen.insert(Arc::as_ptr(call)) {
                    continue;
                }
                let before = self.findings.borrow().len();
                check(variant, call);
                // What a helper of another module does is shown with where it is called.
                if let Some(from) = &call.called_from {
                    for finding in self.findings.borrow_mut().iter_mut().skip(before) {
                        if finding.related.iter().all(|r| r.site != *from) {
                            let message = "it is called from here".to_owned();
                            finding.related.push(Related { site: from.clone(), message });
                        }
                    }
                }
            }
        }
    }

    /// All findings, suppressed ones left out, with the severities of the settings.
    fn finish(self) -> Vec<Finding> {
        let mut findings = self.findings.take();
        for finding in &mut findings {
            // What a rule finds less bad than usual stays so, unless settings say otherwise.
            if let Some(severity) =
                self.settings.severity(finding.rule).filter(|s| *s != finding.rule.severity)
            {
                finding.severity = severity;
            }
        }
        findings.retain(|f| !self.settings.is_ignored_in(f.rule, &f.site.path));
        suppression::apply(&self, &mut findings);
        order(&mut findings);
        findings
    }
}

/// The order of the text, each finding once. What several modules say of a file that they use is told once as well, as
/// the worst of it.
pub fn order(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (Arc::clone(&f.site.path), f.site.start, f.rule.code, f.site.end, f.severity);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    findings.dedup_by(|b, a| {
        let same = a.message == b.message || is_about_manifests(a.rule);
        a.rule.code == b.rule.code && a.site == b.site && same
    });
}

/// Applies all rules to a file.
#[must_use]
pub fn check(
    report: &FileReport,
    sources: &Sources,
    fs: &dyn FileSystem,
    settings: &Settings,
) -> Vec<Finding> {
    let checker = Checker::new(report, sources, fs, settings);
    checker.run();
    checker.finish()
}

/// The findings of several files, of rules that look at all of them together.
#[must_use]
pub fn check_workspace(
    reports: &[(&FileReport, &Settings)],
    sources: &Sources,
    fs: &dyn FileSystem,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in rules::ALL {
        let Check::Workspace(check) = rule.check else { continue };
        let enabled = reports.iter().filter(|(_, settings)| settings.severity(rule).is_some());
        let checkers: Vec<Checker<'_>> =
            enabled.map(|(report, settings)| Checker::new(report, sources, fs, settings)).collect();
        check(&checkers);
        findings.extend(checkers.into_iter().flat_map(Checker::finish));
    }
    order(&mut findings);
    findings
}

/// The rule that covers an error of flyte's.
#[must_use]
pub fn covering(error: &StageError) -> Option<&'static Rule> {
    rules::ALL.iter().copied().find(|rule| (rule.covers)(error))
}

/// A finding for each error of the definition that a rule covers.
pub(crate) fn definition_errors(
    checker: &Checker<'_>,
    rule: &'static Rule,
    variant: &Variant,
    finding: impl Fn(&StageError, Finding) -> Finding,
) {
    for error in variant.errors.iter().filter(|e| (rule.covers)(e)) {
        let mut found = Finding::new(rule, error.site.clone(), String::new());
        let call = variant.image.calls.last().filter(|c| contains(&c.site, &error.site));
        if let Some(from) = call.and_then(|c| c.called_from.clone()) {
            found = found.related(from, "it is called from here");
        }
        if let Some(origin) = &variant.image.origin
            && !contains(&origin.expression, &error.site)
        {
            let message = format!("the image is made here, by {}", origin.method);
            found = found.related(origin.expression.clone(), message);
        }
        checker.push(finding(error, found));
    }
}

/// Whether a place lies in another one.
pub(crate) fn contains(outer: &Site, inner: &Site) -> bool {
    outer.path == inner.path && outer.start <= inner.start && inner.end <= outer.end
}

/// The call that an error of a variant stands in.
pub(crate) fn call_of<'v>(variant: &'v Variant, error: &StageError) -> Option<&'v CallSite> {
    variant.image.calls.iter().rev().map(|c| &**c).find(|c| contains(&c.site, &error.site))
}

/// What to blame for a value.
struct Blame {
    site: Site,
    related: Option<Related>,
}

impl Blame {
    /// The value's own place where it stands in the call; else the argument, with the value's place beside it.
    fn of(given: &Given, items: &[usize]) -> Self {
        let mut origin: &Origin = &given.origin;
        let mut deepest = origin.site.as_ref();
        for item in items {
            let Some(inner) = origin.items.get(*item) else { break };
            origin = inner;
            deepest = origin.site.as_ref().or(deepest);
        }
        match deepest {
            Some(site) if contains(&given.site, site) => Self { site: site.clone(), related: None },
            Some(site) => {
                let message = "the value is written here".to_owned();
                Self { site: given.site.clone(), related: Some(Related { site: site.clone(), message }) }
            }
            None => Self { site: given.site.clone(), related: None },
        }
    }
}
