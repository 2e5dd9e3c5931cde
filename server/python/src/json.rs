//! The inspection of a file as JSON: the schema that other programs rely on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use image_manifests::fs::FileSystem;
use image_manifests::position::{LineIndex, Unit};
use image_model::error::Unknown;
use image_model::origin::Site;
use image_model::value::Value as ModelValue;
use serde::Serialize;

use crate::inspect::{ImageReport, StageError, Variant};
use crate::project::Facts;

/// Version of the document; raised when a reader would have to change.
pub const SCHEMA_VERSION: u32 = 1;

/// The whole document.
#[derive(Debug, Serialize)]
pub struct Document {
    /// [`SCHEMA_VERSION`]
    pub schema_version: u32,
    /// The images.
    pub images: Vec<Image>,
    /// Files that could not be read.
    pub problems: Vec<Problem>,
}

/// A file that could not be read.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The file.
    pub path: String,
    /// Why.
    pub message: String,
}

/// A place: one-based, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A range of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Range {
    /// The first character.
    pub start: Position,
    /// The character after the last one.
    pub end: Position,
}

/// An image.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
pub struct Image {
    pub path: String,
    pub names: Vec<String>,
    pub range: Range,
    pub kind: &'static str,
    pub flyte_version: String,
    pub flyte_version_source: &'static str,
    pub flyte_version_from: String,
    pub flyte_notes: Vec<String>,
    pub certainty: &'static str,
    pub assumptions: Vec<String>,
    pub unknowns: Vec<Reason>,
    pub variants: Vec<VariantJson>,
}

/// Why something is not known.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
pub struct Reason {
    pub reason: String,
    pub path: Option<String>,
    pub range: Option<Range>,
}

/// A variant of an image.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
pub struct VariantJson {
    pub when: Vec<String>,
    pub uri: Option<String>,
    pub tag: Option<String>,
    pub registry: Option<String>,
    pub name: Option<String>,
    pub base_image: Option<String>,
    pub python_version: Option<String>,
    pub platform: Option<Vec<String>>,
    pub extendable: Option<bool>,
    pub modified: bool,
    pub layers: Vec<LayerJson>,
    pub dockerfile: Option<String>,
    pub errors: Vec<ErrorJson>,
}

/// A layer.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
pub struct LayerJson {
    pub kind: &'static str,
    pub method: Option<&'static str>,
    pub range: Option<Range>,
    pub path: Option<String>,
    pub dockerfile_lines: Option<[usize; 2]>,
    pub tag_so_far: Option<String>,
}

/// An error of flyte's.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
pub struct ErrorJson {
    pub stage: &'static str,
    pub rule: Option<&'static str>,
    pub exception: &'static str,
    pub message: String,
}

/// Turns places into lines and columns, and paths into what the user sees.
pub struct Places<'a> {
    fs: &'a dyn FileSystem,
    show: Box<dyn Fn(&Path) -> String + 'a>,
    texts: HashMap<PathBuf, (String, LineIndex)>,
}

impl<'a> Places<'a> {
    /// Places in files of a file system; `show` says how a path is written.
    pub fn new(fs: &'a dyn FileSystem, show: impl Fn(&Path) -> String + 'a) -> Self {
        Self { fs, show: Box::new(show), texts: HashMap::new() }
    }

    /// A path as the user sees it.
    #[must_use]
    pub fn path(&self, path: &Path) -> String {
        (self.show)(path)
    }

    /// The text of a file with its lines.
    pub fn text(&mut self, path: &Path) -> &(String, LineIndex) {
        let fs = self.fs;
        self.texts.entry(path.to_owned()).or_insert_with(|| {
            let text = fs.read_text(path).unwrap_or_default();
            let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
            let index = LineIndex::new(&text);
            (text, index)
        })
    }

    /// A range of bytes as lines and columns.
    pub fn range(&mut self, site: &Site) -> Range {
        let (text, index) = self.text(&site.path);
        let place = |byte| {
            let (line, column) = index.position(text, byte, Unit::Characters);
            Position { line: line + 1, column: column + 1 }
        };
        Range { start: place(site.start), end: place(site.end) }
    }
}

/// An image's report as JSON. `rule` names the rule that covers an error.
pub fn image(
    report: &ImageReport,
    facts: &Facts,
    places: &mut Places<'_>,
    rule: &dyn Fn(&StageError) -> Option<&'static str>,
) -> Image {
    let unknowns = report.unknowns.iter().map(|u| reason(u, places)).collect();
    Image {
        path: places.path(&report.site.path),
        names: report.names.clone(),
        range: places.range(&report.site),
        kind: "flyte.Image",
        flyte_version: facts.environment.release.version.clone(),
        flyte_version_source: facts.release_source.name(),
        flyte_version_from: facts.release_from.clone(),
        flyte_notes: facts.release_notes.clone(),
        certainty: report.certainty.name(),
        assumptions: report.assumptions.clone(),
        unknowns,
        variants: report.variants.iter().map(|v| variant(v, places, rule)).collect(),
    }
}

fn reason(unknown: &Unknown, places: &mut Places<'_>) -> Reason {
    Reason {
        reason: unknown.reason.clone(),
        path: unknown.site.as_ref().map(|s| places.path(&s.path)),
        range: unknown.site.as_ref().map(|s| places.range(s)),
    }
}

/// A field as text; nothing for `None` and for what is not known.
#[must_use]
pub fn text(value: &ModelValue) -> Option<String> {
    if value.is_none() { None } else { value.str().ok() }
}

/// `X.Y`
#[must_use]
pub fn python_version(value: &ModelValue) -> Option<String> {
    let items = value.iterate().ok()?;
    Some(format!("{}.{}", items.first()?.str().ok()?, items.get(1)?.str().ok()?))
}

fn variant(
    variant: &Variant,
    places: &mut Places<'_>,
    rule: &dyn Fn(&StageError) -> Option<&'static str>,
) -> VariantJson {
    let image = &variant.image;
    let platform = image.platform.iterate().ok().and_then(|items| items.iter().map(text).collect());
    let layers = variant
        .layers
        .iter()
        .map(|layer| LayerJson {
            kind: layer.kind,
            method: layer.method,
            range: layer.site.as_ref().map(|s| places.range(s)),
            path: layer.site.as_ref().map(|s| places.path(&s.path)),
            dockerfile_lines: layer.dockerfile_lines.map(|(first, last)| [first, last]),
            tag_so_far: layer.tag_so_far.clone(),
        })
        .collect();
    VariantJson {
        when: variant.when.iter().map(crate::evaluate::Condition::shown).collect(),
        uri: variant.uri.clone(),
        tag: variant.tag.clone(),
        registry: text(&image.registry),
        name: text(&image.name),
        base_image: text(&image.base_image),
        python_version: python_version(&image.python_version),
        platform,
        extendable: image.extendable.truthy().ok(),
        modified: variant.modified,
        layers,
        dockerfile: variant.dockerfile.as_ref().map(|d| d.text.clone()),
        errors: variant
            .errors
            .iter()
            .map(|e| ErrorJson {
                stage: e.stage.name(),
                rule: rule(e),
                exception: e.raised.exception,
                message: e.raised.message.clone(),
            })
            .collect(),
    }
}
