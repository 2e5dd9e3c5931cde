//! What an inspection says of a file: plain data, without a word on how it was found.

use std::path::Path;
use std::sync::Arc;

use image_model::dockerfile::Dockerfile;
use image_model::error::{Cause, Raised, Unknown};
use image_model::image::Image;
use image_model::origin::Site;
use image_model::world::Environment;

use crate::evaluate::{Condition, Use};
use crate::project::Facts;

/// How sure the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// It follows from the code and the files alone.
    Exact,
    /// It follows from them and from what is listed as assumed.
    Assumed,
    /// There is no tag.
    Unknown,
}

impl Certainty {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Assumed => "assumed",
            Self::Unknown => "unknown",
        }
    }
}

/// When flyte would raise an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// When the module is imported.
    Import,
    /// When the tag is computed.
    Hash,
    /// When the image is checked before a build.
    Validate,
    /// When the Dockerfile is written.
    Build,
}

impl Stage {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Hash => "hash",
            Self::Validate => "validate",
            Self::Build => "build",
        }
    }
}

/// An error of flyte's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageError {
    /// When.
    pub stage: Stage,
    /// What.
    pub raised: Raised,
    /// The range to blame.
    pub site: Site,
    /// The method that raises it, where it is a definition's.
    pub method: Option<&'static str>,
}

/// A layer in a variant.
#[derive(Debug, Clone)]
pub struct LayerReport {
    /// flyte's class.
    pub kind: &'static str,
    /// The method that added it; `None` for layers of flyte's own.
    pub method: Option<&'static str>,
    /// The call that added it.
    pub site: Option<Site>,
    /// First and last line in the Dockerfile, one-based.
    pub dockerfile_lines: Option<(usize, usize)>,
    /// The tag if the image ended here.
    pub tag_so_far: Option<String>,
}

/// One way an image can turn out.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The conditions under which it does.
    pub when: Vec<Condition>,
    /// What it was worked out for.
    pub environment: Arc<Environment>,
    /// The image as flyte deploys it.
    pub image: Arc<Image>,
    /// Whether anything was changed, so that it has to be built; else its address is that of the base.
    pub modified: bool,
    /// The address.
    pub uri: Option<String>,
    /// The tag; that of the base where nothing was changed.
    pub tag: Option<String>,
    /// The layers.
    pub layers: Vec<LayerReport>,
    /// The Dockerfile and the build context.
    pub dockerfile: Option<Dockerfile>,
    /// Errors in the order in which flyte raises them.
    pub errors: Vec<StageError>,
    /// Why something is not known.
    pub unknowns: Vec<Unknown>,
    /// What it rests on beyond the code.
    pub assumptions: Vec<String>,
    /// Files and folders that are not there.
    pub missing: Vec<Missing>,
}

/// A file or folder that an image needs and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What it is, in words.
    pub what: &'static str,
    /// The path as the code gives it.
    pub path: String,
    /// Where it was looked for.
    pub resolved: String,
    /// The method that names it.
    pub method: &'static str,
    /// The argument, or the call where flyte chose the path itself.
    pub site: Site,
    /// A relative path that would be there if the working directory were the module's folder.
    pub beside_module: bool,
}

/// A name that holds an image at the end of the module, in some of its outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The dotted name.
    pub name: String,
    /// The conditions under which it does; none where it always does.
    pub when: Vec<Condition>,
    /// Whether it does in the likeliest outcome: the one of the given environment variables.
    pub likely: bool,
}

/// An image of a file.
#[derive(Debug, Clone)]
pub struct ImageReport {
    /// Dotted names that hold it.
    pub names: Vec<String>,
    /// When each of the names does.
    pub bindings: Vec<Binding>,
    /// The expression that makes it.
    pub site: Site,
    /// The `image=` arguments it is given to.
    pub uses: Vec<Site>,
    /// The environments that it is given to.
    pub environments: Vec<Use>,
    /// How sure it is, over all variants.
    pub certainty: Certainty,
    /// What the variants rest on.
    pub assumptions: Vec<String>,
    /// Why something is not known, over all variants.
    pub unknowns: Vec<Unknown>,
    /// At least one.
    pub variants: Vec<Variant>,
    /// Made in a function that nothing calls here.
    pub speculative: bool,
    /// Only a step on the way to another image.
    pub intermediate: bool,
    /// Made by another module, which this file imports, and not used by an environment of this file.
    pub imported: bool,
}

/// The images of a file.
#[derive(Debug, Clone)]
pub struct FileReport {
    /// The file.
    pub path: Arc<Path>,
    /// In the order of the text.
    pub images: Vec<ImageReport>,
    /// The first exception that leaves the module.
    pub import_error: Option<(Raised, Site)>,
    /// flyte's errors at calls that make no image: secrets, environments.
    pub errors: Vec<StageError>,
    /// The first thing in it that is no Python.
    pub syntax_error: Option<Site>,
    /// Files of the workspace that it was made from.
    pub files: Vec<Arc<Path>>,
    /// The facts that it rests on: those of the project, or of the script where it has a flyte of its own.
    pub facts: Arc<Facts>,
}

/// Whether an error is about a file that is not there.
#[must_use]
pub fn missing_path(raised: &Raised) -> Option<&str> {
    if let Cause::MissingPath { path } = &raised.cause { Some(path) } else { None }
}
