//! What a rule is: its declaration, from which documentation, schemas and metadata are made, and its check.

use image_model::error::Cause;
use image_model::origin::CallSite;
use image_python::inspect::{Stage, StageError, Variant};

use crate::checker::Checker;
use crate::manifest::Used;

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
    /// All of them, the worst first.
    pub const ALL: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Hint];

    /// The name in settings and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }

    /// The severity of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// Whether a rule's fixes may be applied without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixSafety {
    /// There are none.
    None,
    /// The meaning is certain: applied by `--fix` and by fix-all.
    Safe,
    /// What was meant is likely, not certain: offered, applied only with `--unsafe-fixes`.
    Unsafe,
}

impl FixSafety {
    /// The name in documentation and metadata.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }
}

/// What fails for the rule's example, seen by experiment. Tests run it.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    /// flyte raises.
    Flyte {
        /// At which stage.
        stage: Stage,
        /// How `Type: text` begins.
        error: &'static str,
    },
    /// flyte writes a line into the Dockerfile that shows it, and goes on.
    Dockerfile {
        /// The text.
        line: &'static str,
        /// What the engine then says, in words.
        then: &'static str,
    },
    /// The engine refuses the Dockerfile or the name.
    Engine {
        /// What it says.
        error: &'static str,
    },
    /// uv refuses it.
    Uv {
        /// What it says.
        error: &'static str,
    },
    /// Nothing fails before the image is pushed, pulled or run; why that is so.
    Later(&'static str),
}

/// A rule, declared once.
pub struct Rule {
    /// `IMG001`
    pub code: &'static str,
    /// `layer-after-dockerfile`
    pub name: &'static str,
    /// How bad it is, unless settings say otherwise.
    pub severity: Severity,
    /// Off unless it is selected.
    pub opt_in: bool,
    /// The release of image-lsp that brought it.
    pub since: &'static str,
    /// What it catches, in a sentence or two of Markdown.
    pub what: &'static str,
    /// Why that is bad: which step fails, with which error.
    pub why: &'static str,
    /// What fails.
    pub proof: Proof,
    /// Files that the examples need, by their path.
    pub files: &'static [(&'static str, &'static str)],
    /// Python that it finds.
    pub example: &'static str,
    /// Python to write in its place, which it does not find.
    pub instead: &'static str,
    /// Whether it has fixes.
    pub safety: FixSafety,
    /// What its fix does; why there is none.
    pub fix: &'static str,
    pub(crate) covers: fn(&StageError) -> bool,
    pub(crate) check: Check,
}

/// What a rule looks at.
pub(crate) enum Check {
    /// Each call of an image's making, in each outcome.
    Call(fn(&Checker<'_>, &Variant, &CallSite)),
    /// Each outcome of each image.
    Variant(fn(&Checker<'_>, &Variant)),
    /// Each file that an image is made from, in each use.
    Manifest(fn(&Checker<'_>, &Used<'_>)),
    /// The file as a whole.
    File(fn(&Checker<'_>)),
    /// All files together.
    Workspace(fn(&[Checker<'_>])),
    /// The comments and settings of the tool itself: looked at when everything else is done.
    Own,
}

impl Rule {
    /// What most rules have in common.
    pub(crate) const BASE: Rule = Rule {
        code: "",
        name: "",
        severity: Severity::Error,
        opt_in: false,
        since: "0.1.0",
        what: "",
        why: "",
        proof: Proof::Later(""),
        files: &[],
        example: "",
        instead: "",
        safety: FixSafety::None,
        fix: "There is none.",
        covers: |_| false,
        check: Check::Own,
    };

    /// Its documentation as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Self { code, name, what, why, example, instead, fix, since, .. } = self;
        let severity = self.severity.name();
        let state = if self.opt_in { ", off by default" } else { "" };
        let proof = self.proof.markdown();
        let mut files = String::new();
        for (path, text) in self.files {
            let language = match path.rsplit('.').next() {
                Some("py") => "python",
                Some("toml" | "lock") => "toml",
                Some("yaml") => "yaml",
                _ => "text",
            };
            files.push_str(&format!("\nwith `{path}`:\n```{language}\n{text}```\n"));
        }
        let safety = match self.safety {
            FixSafety::None => "",
            FixSafety::Safe => "The fix is safe. ",
            FixSafety::Unsafe => "The fix is unsafe: it is offered, and applied only on request. ",
        };
        format!(
            "# {name} ({code})\n\nSeverity: {severity}{state}. Since image-lsp {since}.\n\n## What it does\n{what}\n\n\
             ## Why is this bad?\n{why}\n\n{proof}\n\n## Example\n```python\n{example}```\n{files}\nUse instead:\n\
             ```python\n{instead}```\n\n## Fix safety\n{safety}{fix}\n"
        )
    }

    /// The first sentence of what it does, without Markdown.
    #[must_use]
    pub fn summary(&self) -> String {
        let text = self.what.replace('`', "");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        text.split_once(". ").map_or(text.clone(), |(first, _)| format!("{first}."))
    }
}

impl Proof {
    fn markdown(self) -> String {
        match self {
            Self::Flyte { stage, error } => {
                let when = match stage {
                    Stage::Import => "when the module is imported",
                    Stage::Hash => "when the tag is computed",
                    Stage::Validate => "when the image is checked before the build",
                    Stage::Build => "when the Dockerfile is written",
                };
                format!("The example below, {when}:\n```text\n{error}\n```")
            }
            Self::Dockerfile { line, then } => {
                format!(
                    "The example below becomes this line of the Dockerfile; {then}:\n```dockerfile\n{line}\n```"
                )
            }
            Self::Engine { error } => format!("The engine says of the example below:\n```text\n{error}\n```"),
            Self::Uv { error } => format!("uv says of the example below:\n```text\n{error}\n```"),
            Self::Later(why) => why.to_owned(),
        }
    }
}

/// Whether a rule looks at the files that images are made from.
#[must_use]
pub fn is_about_manifests(rule: &Rule) -> bool {
    matches!(rule.check, Check::Manifest(_))
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code)
    }
}

/// Whether an error's cause is one of a rule's.
macro_rules! caused_by {
    ($($pattern:pat_param)|+) => {
        |error| matches!(error.raised.cause, $($pattern)|+)
    };
}
pub(crate) use caused_by;

/// Whether flyte raises at a path that is not there.
pub(crate) fn is_missing(error: &StageError) -> bool {
    matches!(error.raised.cause, Cause::MissingPath { .. })
}
