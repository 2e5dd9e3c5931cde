//! What a check finds, and how it can be mended.

use std::path::Path;
use std::sync::Arc;

use image_model::origin::Site;

use crate::rule::{Rule, Severity};

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
    /// How bad it is, by the rule and the settings.
    pub severity: Severity,
    /// What is wrong, what happens because of it, what to do.
    pub message: String,
    /// The range to blame.
    pub site: Site,
    /// What else belongs to it.
    pub related: Vec<Related>,
    /// How to mend it.
    pub fix: Option<Fix>,
}

/// Whether a fix may be applied without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applicability {
    /// The meaning is certain.
    Safe,
    /// What was meant is likely, not certain.
    Unsafe,
}

impl Applicability {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }
}

/// A replacement of a range of bytes. In a file that is not there, of the empty range at its beginning: the file is
/// created.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// Absolute path.
    pub path: Arc<Path>,
    /// First byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// What takes its place.
    pub content: String,
}

impl Edit {
    /// Puts text in the place of a range.
    #[must_use]
    pub fn replace(site: &Site, content: impl Into<String>) -> Self {
        Self { path: Arc::clone(&site.path), start: site.start, end: site.end, content: content.into() }
    }

    /// Puts text in.
    #[must_use]
    pub fn insert(path: &Arc<Path>, at: usize, content: impl Into<String>) -> Self {
        Self { path: Arc::clone(path), start: at, end: at, content: content.into() }
    }
}

/// How a finding can be mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Whether it may be applied without asking.
    pub applicability: Applicability,
    /// What it does: `unpack the list`.
    pub message: String,
    /// In order, not overlapping; of one file, or of several.
    pub edits: Vec<Edit>,
}

impl Fix {
    /// A fix whose meaning is certain.
    #[must_use]
    pub fn safe(message: impl Into<String>, edits: Vec<Edit>) -> Option<Self> {
        Self::new(Applicability::Safe, message.into(), edits)
    }

    /// A fix whose meaning is likely.
    #[must_use]
    pub fn unsafe_(message: impl Into<String>, edits: Vec<Edit>) -> Option<Self> {
        Self::new(Applicability::Unsafe, message.into(), edits)
    }

    fn new(applicability: Applicability, message: String, mut edits: Vec<Edit>) -> Option<Self> {
        edits.sort();
        (!edits.is_empty()).then_some(Self { applicability, message, edits })
    }
}

impl Finding {
    /// A finding with the rule's own severity.
    #[must_use]
    pub fn new(rule: &'static Rule, site: Site, message: impl Into<String>) -> Self {
        let (severity, message) = (rule.severity, message.into());
        Self { rule, severity, message, site, related: Vec::new(), fix: None }
    }

    /// With another message.
    #[must_use]
    pub fn message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// With something else that belongs to it.
    #[must_use]
    pub fn related(mut self, site: Site, message: impl Into<String>) -> Self {
        self.related.push(Related { site, message: message.into() });
        self
    }

    /// With a way to mend it.
    #[must_use]
    pub fn fix(self, fix: Option<Fix>) -> Self {
        Self { fix, ..self }
    }
}
