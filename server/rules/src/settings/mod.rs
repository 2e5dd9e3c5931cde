//! Settings: `image-lsp.toml`, or `[tool.image-lsp]` in pyproject.toml; the nearest one above a file holds for it.
//!
//! Every setting is declared once, in [`declare`]; the reader, the JSON schema, the editors' settings and the
//! documentation come from there. A setting that is wrong is an error with its place, never passed over.

pub mod declare;
mod read;
pub mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{Glob, GlobSet, GlobSetBuilder};
use image_manifests::fs::FileSystem;
use image_model::origin::Site;
use image_python::project::Options;

use crate::rule::{Rule, Severity};

pub use read::SettingsError;
pub(crate) use read::distance;

/// What a rule selector names: all rules, a group, a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(String);

impl Selector {
    /// A code, the beginning of codes (`IMG1`), a name, or `ALL`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// How closely it names a rule: more for a longer code; `None` for other rules.
    #[must_use]
    pub fn closeness(&self, rule: &Rule) -> Option<usize> {
        if self.0.eq_ignore_ascii_case("ALL") {
            return Some(1);
        }
        if self.0 == rule.name {
            return Some(rule.code.len() + 1);
        }
        let upper = self.0.to_ascii_uppercase();
        (upper.starts_with("IMG") && rule.code.starts_with(&upper)).then_some(upper.len() + 1)
    }

    /// Whether it names any rule.
    #[must_use]
    pub fn is_known(&self) -> bool {
        crate::rules::ALL.iter().any(|rule| self.closeness(rule).is_some())
    }
}

/// The settings that hold for a file.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The file that they come from.
    pub path: Option<Arc<Path>>,
    /// `python`
    pub python: Option<PathBuf>,
    /// `flyte-version`
    pub flyte_version: Option<String>,
    /// `working-directory`
    pub working_directory: Option<PathBuf>,
    /// `root-dir`
    pub root_dir: Option<String>,
    /// `flyte-config`
    pub flyte_config: Option<PathBuf>,
    /// `select`: in place of the rules that are on by default.
    pub select: Option<Vec<Selector>>,
    /// `extend-select`
    pub extend_select: Vec<Selector>,
    /// `ignore`
    pub ignore: Vec<Selector>,
    /// `severity`; `None` for `off`.
    pub severities: BTreeMap<String, Option<Severity>>,
    /// `per-file-ignores`
    pub per_file_ignores: Vec<(Patterns, Vec<Selector>)>,
    /// `exclude`
    pub exclude: Patterns,
    /// `large-context`, in bytes.
    pub large_context: Option<u64>,
    /// `inlay-hints.tag`
    pub inlay_tag: Option<bool>,
    /// `inlay-hints.base`
    pub inlay_base: Option<bool>,
    /// `code-lens`
    pub code_lens: Option<bool>,
    /// `build.builder`
    pub builder: Option<String>,
    /// `build.engine-host`
    pub engine_host: Option<String>,
    /// `build.syntax-directive`
    pub syntax_directive: Option<String>,
    /// `verify-on-save`
    pub verify_on_save: Option<bool>,
    /// `check-existence`
    pub check_existence: Option<String>,
    /// Selectors that name no rule, with their places.
    pub unknown_rules: Vec<(String, Site)>,
}

/// 50 MB: the size from which a build context is large.
const LARGE: u64 = 50_000_000;

/// Glob patterns, relative to a folder.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    folder: PathBuf,
    set: GlobSet,
}

impl Patterns {
    /// Patterns relative to a folder. As in other tools, one without a slash holds at any depth, and a folder holds for
    /// what is in it.
    ///
    /// # Errors
    /// The pattern that is none.
    pub fn new(folder: &Path, patterns: &[String]) -> Result<Self, String> {
        let mut builder = GlobSetBuilder::new();
        for pattern in patterns {
            let pattern = pattern.trim_end_matches('/');
            let rooted = match pattern.strip_prefix("./").or_else(|| pattern.strip_prefix('/')) {
                Some(rest) => rest.to_owned(),
                None if pattern.contains('/') => pattern.to_owned(),
                None => format!("**/{pattern}"),
            };
            for form in [rooted.clone(), format!("{rooted}/**")] {
                builder.add(Glob::new(&form).map_err(|e| e.to_string())?);
            }
        }
        Ok(Self { folder: folder.to_owned(), set: builder.build().map_err(|e| e.to_string())? })
    }

    /// Whether a path matches one of them.
    #[must_use]
    pub fn contains(&self, path: &Path) -> bool {
        !self.set.is_empty() && path.strip_prefix(&self.folder).is_ok_and(|rest| self.set.is_match(rest))
    }
}

impl Settings {
    /// The severity of a rule; `None` where it is off.
    #[must_use]
    pub fn severity(&self, rule: &Rule) -> Option<Severity> {
        let closest = |selectors: &[Selector]| selectors.iter().filter_map(|s| s.closeness(rule)).max();
        let given = self.severities.get(rule.code);
        let selected = match &self.select {
            Some(select) => closest(select),
            None => (!rule.opt_in).then_some(0),
        };
        let extended = closest(&self.extend_select);
        // To give a rule a severity is to turn it on.
        let by_severity = given.and_then(|s| s.as_ref()).map(|_| rule.code.len() + 1);
        let chosen = selected.max(extended).max(by_severity)?;
        if closest(&self.ignore).is_some_and(|ignored| ignored >= chosen) {
            return None;
        }
        match given {
            Some(severity) => *severity,
            None => Some(rule.severity),
        }
    }

    /// Whether findings of a rule are ignored in a file.
    #[must_use]
    pub fn is_ignored_in(&self, rule: &Rule, path: &Path) -> bool {
        self.per_file_ignores.iter().any(|(patterns, rules)| {
            patterns.contains(path) && rules.iter().any(|s| s.closeness(rule).is_some())
        })
    }

    /// What they say of the project.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            python: self.python.clone(),
            flyte_version: None,
            flyte_version_setting: self.flyte_version.clone(),
            working_directory: self.working_directory.clone(),
            root_dir: self.root_dir.clone(),
            flyte_config: self.flyte_config.clone(),
        }
    }

    /// From how many bytes on a build context is large.
    #[must_use]
    pub fn large_context(&self) -> u64 {
        self.large_context.unwrap_or(LARGE)
    }

    /// The settings of the nearest file above a folder that has any: `image-lsp.toml` before pyproject.toml.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn find(folder: &Path, fs: &dyn FileSystem) -> Result<Self, SettingsError> {
        for folder in folder.ancestors() {
            for (name, is_project) in
                [("image-lsp.toml", false), (".image-lsp.toml", false), ("pyproject.toml", true)]
            {
                let path = folder.join(name);
                let Ok(text) = fs.read_text(&path) else { continue };
                if is_project && !text.contains("image-lsp") {
                    continue;
                }
                if let Some(settings) = read::read(&path, &text, is_project)? {
                    return Ok(settings);
                }
            }
        }
        Ok(Self::default())
    }

    /// The settings of a file that was named.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_file(path: &Path, fs: &dyn FileSystem) -> Result<Self, SettingsError> {
        let is_project = path.file_name().is_some_and(|n| n == "pyproject.toml");
        let text = fs.read_text(path).map_err(|e| SettingsError {
            path: path.to_owned(),
            place: None,
            message: format!("cannot be read: {e}"),
        })?;
        Ok(read::read(path, &text, is_project)?.unwrap_or_default())
    }

    /// The settings that an editor's client sends.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn of_json(value: &serde_json::Value, folder: &Path) -> Result<Self, String> {
        read::of_json(value, folder)
    }

    /// These settings, and those of another source for what is not set here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let either = |a: Vec<Selector>, b: Vec<Selector>| if a.is_empty() { b } else { a };
        let mut severities = other.severities;
        severities.extend(self.severities);
        Self {
            path: self.path.or(other.path),
            python: self.python.or(other.python),
            flyte_version: self.flyte_version.or(other.flyte_version),
            working_directory: self.working_directory.or(other.working_directory),
            root_dir: self.root_dir.or(other.root_dir),
            flyte_config: self.flyte_config.or(other.flyte_config),
            select: self.select.or(other.select),
            extend_select: either(self.extend_select, other.extend_select),
            ignore: either(self.ignore, other.ignore),
            severities,
            per_file_ignores: if self.per_file_ignores.is_empty() {
                other.per_file_ignores
            } else {
                self.per_file_ignores
            },
            exclude: if self.exclude.set.is_empty() { other.exclude } else { self.exclude },
            large_context: self.large_context.or(other.large_context),
            inlay_tag: self.inlay_tag.or(other.inlay_tag),
            inlay_base: self.inlay_base.or(other.inlay_base),
            code_lens: self.code_lens.or(other.code_lens),
            builder: self.builder.or(other.builder),
            engine_host: self.engine_host.or(other.engine_host),
            syntax_directive: self.syntax_directive.or(other.syntax_directive),
            verify_on_save: self.verify_on_save.or(other.verify_on_save),
            check_existence: self.check_existence.or(other.check_existence),
            unknown_rules: if self.unknown_rules.is_empty() {
                other.unknown_rules
            } else {
                self.unknown_rules
            },
        }
    }
}
