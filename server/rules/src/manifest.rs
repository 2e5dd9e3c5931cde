//! The files that images are made from, as rules look at them: which image uses which, and edits of them.

use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use image_manifests::manifest::{Dependency, Format, Manifest};
use image_model::layer::{Layer, LayerKind};
use image_model::origin::{CallSite, Site};
use image_model::path::PyPath;
use image_python::inspect::Variant;

use crate::checker::Checker;
use crate::finding::{Edit, Finding};
use crate::rule::Rule;

/// A file that was read. Places count without a byte order mark.
pub(crate) struct Read {
    pub(crate) path: Arc<Path>,
    pub(crate) text: Arc<str>,
    /// A byte order mark stood before the text.
    pub(crate) has_mark: bool,
    pub(crate) manifest: Option<Arc<Manifest>>,
}

/// What a file is to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A script that `from_uv_script` reads.
    UvScript,
    /// A script that `from_pixi_script` reads.
    PixiScript,
    /// A script with a header of its own, which needs flyte.
    OwnScript,
    /// A requirements file.
    Requirements,
    /// A project's pyproject.toml.
    Project,
    /// What pixi reads of a project: its pixi.toml, or its pyproject.toml.
    PixiProject,
}

impl Role {
    /// Whether it is a script with a header.
    pub(crate) fn is_script(self) -> bool {
        matches!(self, Self::UvScript | Self::PixiScript | Self::OwnScript)
    }
}

/// The image that uses a file.
#[derive(Clone, Copy)]
pub(crate) struct By<'v> {
    pub(crate) variant: &'v Variant,
    pub(crate) layer: &'v Layer,
    pub(crate) call: &'v CallSite,
    /// The parameter that names the file.
    pub(crate) parameter: &'static str,
}

/// A file in its use.
pub(crate) struct Used<'v> {
    pub(crate) read: Rc<Read>,
    pub(crate) role: Role,
    /// The path as the code gives it.
    pub(crate) shown: String,
    /// Nobody for a script with a header of its own.
    pub(crate) by: Option<By<'v>>,
}

/// A requirement as messages have it, without its marker: behind a semicolon they say what to do.
pub(crate) fn quoted(requirement: &str) -> String {
    match requirement.split_once(';') {
        Some((before, _)) => format!("\"{};…\"", before.trim_end()),
        None => format!("{requirement:?}"),
    }
}

/// Without a byte order mark.
pub(crate) fn plain(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

impl Read {
    pub(crate) fn new(path: &Path, format: Option<Format>, text: &Arc<str>) -> Self {
        let unmarked = plain(text);
        let has_mark = unmarked.len() != text.len();
        let text: Arc<str> = if has_mark { unmarked.into() } else { Arc::clone(text) };
        let manifest = format.and_then(|format| Manifest::shared(format, &text));
        Self { path: path.into(), text, has_mark, manifest }
    }

    pub(crate) fn site(&self, range: Range<usize>) -> Site {
        Site { path: Arc::clone(&self.path), start: range.start, end: range.end }
    }

    fn line_end(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// The line around a byte, without its break.
    fn line(&self, byte: usize) -> Range<usize> {
        let start = self.text[..byte].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let end = self.text[byte..].find(['\n', '\r']).map_or(self.text.len(), |at| byte + at);
        start..end
    }

    /// A line with its break.
    fn whole_line(&self, byte: usize) -> Range<usize> {
        let line = self.line(byte);
        let rest = &self.text[line.end..];
        let width = if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) };
        line.start..line.end + width
    }

    /// The edits that add a dependency to a header.
    pub(crate) fn add_dependency(&self, requirement: &str) -> Option<Vec<Edit>> {
        let manifest = self.manifest.as_ref()?;
        let (header, source) = (manifest.header.as_ref()?, manifest.source.as_ref()?);
        let item = format!("\"{requirement}\"");
        let Some(list) = source.at(&["dependencies"]) else {
            let text = format!("{}# dependencies = [{item}]", self.line_end());
            return Some(vec![Edit::insert(&self.path, header.opener.end, text)]);
        };
        let array = list.as_array()?;
        let own = header.content.range(array.span()?);
        let Some(last) = array.iter().last() else {
            return Some(vec![Edit::insert(&self.path, own.start + 1, item)]);
        };
        let last = header.content.range(last.span()?);
        if self.line(own.start) == self.line(own.end) {
            return Some(vec![Edit::insert(&self.path, last.end, format!(", {item}"))]);
        }
        let line = self.line(last.end);
        let start = self.line(last.start).start;
        let indent = self.text.get(start..last.start)?;
        // The opening bracket may stand on the line, too.
        let indent = if indent.contains('[') { "#     " } else { indent };
        let rest = self.text.get(last.end..line.end)?.trim_start();
        // The closing bracket may stand on the line of the last item.
        if rest.trim_start_matches(',').trim_start().starts_with(']') {
            return Some(vec![Edit::insert(&self.path, last.end, format!(", {item}"))]);
        }
        let added = format!("{}{indent}{item},", self.line_end());
        if rest.starts_with(',') {
            return Some(vec![Edit::insert(&self.path, line.end, added)]);
        }
        if line.end == last.end {
            return Some(vec![Edit::insert(&self.path, line.end, format!(",{added}"))]);
        }
        Some(vec![Edit::insert(&self.path, last.end, ","), Edit::insert(&self.path, line.end, added)])
    }

    /// The edit that takes a dependency out of its list; `None` where a comment would go with it.
    pub(crate) fn remove_dependency(&self, dependency: &Dependency) -> Option<Edit> {
        let manifest = self.manifest.as_ref()?;
        let line = self.line(dependency.range.start);
        let before = self.text.get(line.start..dependency.range.start)?;
        let after = self.text.get(dependency.range.end..self.line(dependency.range.end).end)?;
        let is_alone = before.trim_start_matches('#').trim().is_empty();
        if is_alone && matches!(after.trim(), "" | ",") {
            return Some(Edit::replace(&self.site(self.whole_line(dependency.range.start)), ""));
        }
        let list: Vec<&Dependency> =
            manifest.dependencies.iter().filter(|d| d.list == dependency.list).collect();
        let at = list.iter().position(|d| d.range == dependency.range)?;
        let range = match (at.checked_sub(1).and_then(|i| list.get(i)), list.get(at + 1)) {
            (Some(previous), _) => previous.range.end..dependency.range.end,
            (None, Some(next)) => dependency.range.start..next.range.start,
            (None, None) => dependency.range.clone(),
        };
        let text = self.text.get(range.clone())?;
        (!text.contains(['\n', '\r', '#'])).then(|| Edit::replace(&self.site(range), ""))
    }

    /// The edit that takes whole lines out.
    pub(crate) fn remove_line(&self, byte: usize) -> Edit {
        Edit::replace(&self.site(self.whole_line(byte)), "")
    }
}

impl Used<'_> {
    /// A finding in the file, with the call that uses it.
    pub(crate) fn finding(
        &self,
        rule: &'static Rule,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Finding {
        let finding = Finding::new(rule, self.read.site(range), message);
        match &self.by {
            Some(by) => finding.related(by.site(), "an image is made from the file here"),
            None => finding,
        }
    }
}

impl By<'_> {
    /// The argument that names the file; the call where flyte chose it.
    pub(crate) fn site(&self) -> Site {
        self.call.argument(self.parameter).next().unwrap_or(&self.call.site).clone()
    }
}

/// What an image uses a layer's file as, and the field and the parameter that name it.
fn role(kind: LayerKind) -> Option<(Role, &'static str, &'static str)> {
    Some(match kind {
        LayerKind::UVScript => (Role::UvScript, "script", "script"),
        LayerKind::PixiScript => (Role::PixiScript, "script", "script"),
        LayerKind::Requirements => (Role::Requirements, "file", "file"),
        LayerKind::UVProject | LayerKind::PoetryProject => (Role::Project, "pyproject", "pyproject_file"),
        LayerKind::PixiProject => (Role::PixiProject, "manifest", "manifest_file"),
        _ => return None,
    })
}

/// What installs the project of a layer.
pub(crate) fn tool(kind: LayerKind) -> &'static str {
    match kind {
        LayerKind::PoetryProject => "Poetry",
        LayerKind::PixiProject => "pixi",
        _ => "uv",
    }
}

/// The files that the images of a report use, and its own header if that needs flyte.
pub(crate) fn uses<'c>(checker: &'c Checker<'_>) -> Vec<Used<'c>> {
    let mut all: Vec<Used<'c>> = Vec::new();
    for variant in checker.report.images.iter().flat_map(|i| &i.variants) {
        let world = checker.world(variant);
        for layer in &variant.image.layers {
            let (Some(call), Some((role, field, parameter))) = (layer.site.as_deref(), role(layer.kind))
            else {
                continue;
            };
            let Ok(path) = layer.get(field).path_for("exists") else { continue };
            let file = world.resolve(path);
            let own = Format::of(&file);
            let is_other = role == Role::Project && own != Some(Format::Project);
            // Of a project that is copied whole, the tool finds its pyproject.toml itself.
            if is_other && !layer.dependencies_only().is_ok_and(|only| only) {
                continue;
            }
            let Some(read) = checker.manifest_as(if is_other { Some(Format::Project) } else { own }, &file)
            else {
                continue;
            };
            let by = By { variant, layer, call, parameter };
            all.push(Used { read, role, shown: shown(path), by: Some(by) });
        }
    }
    let own = &checker.report.path;
    if !all.iter().any(|u| u.role.is_script() && u.read.path == *own)
        && let Some(read) = checker.manifest(own)
        && needs_flyte(&read)
    {
        all.push(Used { read, role: Role::OwnScript, shown: String::new(), by: None });
    }
    all
}

fn shown(path: &PyPath) -> String {
    PyPath::name(path).to_owned()
}

/// Whether a header names flyte; of a half-typed one by its text.
fn needs_flyte(read: &Read) -> bool {
    let Some(manifest) = &read.manifest else { return false };
    let Some(header) = &manifest.header else { return false };
    let quoted = ["\"flyte", "'flyte"].iter().any(|q| header.content.text.contains(q));
    manifest.brings_flyte() || (quoted && (header.trouble.is_some() || !manifest.faults.is_empty()))
}
