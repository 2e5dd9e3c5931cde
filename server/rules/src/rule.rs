//! What a rule is, and how rules are applied to a file.

use image_model::origin::Site;
use image_python::inspect::{FileReport, StageError, Variant};

use crate::rules;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It fails.
    Error,
    /// It works, but not as intended.
    Warning,
    /// Worth knowing.
    Hint,
}

impl Severity {
    /// The name in settings and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

/// A rule, declared once.
pub struct Rule {
    /// `IMG001`
    pub code: &'static str,
    /// `layer-after-dockerfile`
    pub name: &'static str,
    /// How bad it is, unless settings say otherwise.
    pub severity: Severity,
    /// The release of image-lsp that brought it.
    pub since: &'static str,
    /// What it catches, in a sentence or two of Markdown.
    pub what: &'static str,
    /// Why that is bad: which step fails, with which error.
    pub why: &'static str,
    /// Python that it finds.
    pub example: &'static str,
    /// Python to write in its place, which it does not find.
    pub instead: &'static str,
    /// What its fix does; that there is none.
    pub fix: &'static str,
    pub(crate) covers: fn(&StageError) -> bool,
    pub(crate) check: Check,
}

/// What a rule looks at.
pub(crate) enum Check {
    /// Each outcome of each image.
    Variant(fn(&Variant, &mut Vec<Finding>)),
    /// The file as a whole.
    File(fn(&FileReport, &mut Vec<Finding>)),
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code)
    }
}

impl Rule {
    /// Its documentation as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Self { code, name, what, why, example, instead, fix, since, .. } = self;
        let severity = self.severity.name();
        format!(
            "# {name} ({code})\n\nSeverity: {severity}. Since image-lsp {since}.\n\n## What it does\n{what}\n\n## Why is this \
             bad?\n{why}\n\n## Example\n```python\n{example}```\n\nUse instead:\n```python\n{instead}```\n\n## Fix \
             safety\n{fix}\n"
        )
    }
}

/// Something else that belongs to a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub site: Site,
    /// What is there.
    pub message: String,
}

/// A finding.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What is wrong, what happens because of it, what to do.
    pub message: String,
    /// The range to blame.
    pub site: Site,
    /// What else belongs to it.
    pub related: Vec<Related>,
}

/// The rule that covers an error of flyte's.
#[must_use]
pub fn covering(error: &StageError) -> Option<&'static Rule> {
    rules::ALL.iter().copied().find(|rule| (rule.covers)(error))
}

/// Applies all rules to a file: findings in the order of the text, each once.
#[must_use]
pub fn check(report: &FileReport) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for rule in rules::ALL {
        match rule.check {
            Check::File(check) => check(report, &mut findings),
            Check::Variant(check) => {
                report.images.iter().flat_map(|i| &i.variants).for_each(|v| check(v, &mut findings));
            }
        }
    }
    findings.sort_by(|a, b| {
        (&a.site.path, a.site.start, a.rule.code, &a.message).cmp(&(
            &b.site.path,
            b.site.start,
            b.rule.code,
            &b.message,
        ))
    });
    findings.dedup_by(|b, a| a.rule.code == b.rule.code && a.site == b.site && a.message == b.message);
    findings
}

/// A finding for each error of the definition that a rule covers.
pub(crate) fn definition_errors(
    rule: &'static Rule,
    variant: &Variant,
    findings: &mut Vec<Finding>,
    message: impl Fn(&StageError) -> String,
) {
    for error in variant.errors.iter().filter(|e| (rule.covers)(e)) {
        let origin = variant.image.origin.as_ref().filter(|o| o.expression != error.site);
        let related = origin.map(|o| Related {
            site: o.expression.clone(),
            message: format!("the image is made here, by {}", o.method),
        });
        findings.push(Finding {
            rule,
            message: message(error),
            site: error.site.clone(),
            related: related.into_iter().collect(),
        });
    }
}
