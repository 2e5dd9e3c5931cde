//! The images of a file, as a person or a program wants to see them: one entry an image, one variant an outcome.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_model::dockerfile::{self, Dockerfile};
use image_model::error::{Cause, Raised, Res, Stop, Unknown};
use image_model::image::Image;
use image_model::layers::{Form, Needed, needed};
use image_model::origin::{Given, Site};
use image_model::release::Address;
use image_model::value::Value;
use image_model::world::{Environment, Facts as FactSet, World};

pub use crate::evaluate::Use;
use crate::evaluate::{self, Condition, Evaluation, Found, Outcome, Sources};
use crate::project::{Facts, ReleaseSource, assumed};

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

/// Inspects a file: evaluates it, and works out each image's tag, Dockerfile and errors.
///
/// # Errors
/// A message when the file cannot be read.
pub fn inspect(
    path: &Path,
    sources: &Sources,
    fs: &dyn FileSystem,
    facts: &Arc<Facts>,
) -> Result<FileReport, String> {
    on_large_stack(|| inspect_here(path, sources, fs, facts))?
}

/// Bytes of stack that [`inspect_here`] needs: with them, however deep the code nests, the bounds are reached first.
pub const STACK: usize = 64 << 20;

/// Runs something on a stack of [`STACK`] bytes.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(|e| e.to_string())?
            .join()
            .map_err(|_| "the evaluation failed; this is a defect of image-lsp".to_owned())
    })
}

/// The same on the caller's stack, which has to be of [`STACK`] bytes.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_here(
    path: &Path,
    sources: &Sources,
    fs: &dyn FileSystem,
    facts: &Arc<Facts>,
) -> Result<FileReport, String> {
    let module = sources.module(path, fs)?;
    let own = facts.of_script(path, &module.text, fs).map(Arc::new);
    let facts = own.as_ref().unwrap_or(facts);
    let syntax_error = module.first_error.map(|span| Site {
        path: Arc::clone(&module.path),
        start: span.range().start,
        end: span.range().end,
    });
    let evaluation = evaluate::evaluate(path, sources, fs, facts);
    let mut report = FileReport {
        path: Arc::clone(&module.path),
        images: collect(&evaluation, fs, facts),
        import_error: evaluation.outcomes.first().and_then(|o| o.import_error.clone()),
        errors: Vec::new(),
        syntax_error,
        facts: Arc::clone(facts),
        files: Vec::new(),
    };
    for outcome in &evaluation.outcomes {
        for (raised, site) in &outcome.errors {
            let error =
                StageError { stage: Stage::Import, raised: raised.clone(), site: site.clone(), method: None };
            if !report.errors.contains(&error) {
                report.errors.push(error);
            }
        }
        for file in &outcome.files {
            if !report.files.contains(file) {
                report.files.push(Arc::clone(file));
            }
        }
    }
    Ok(report)
}

/// What an image has in common over all outcomes: its expression, and which of several it is there.
type Identity = (usize, usize, Arc<Path>, usize);

fn collect(evaluation: &Evaluation, fs: &dyn FileSystem, facts: &Facts) -> Vec<ImageReport> {
    let mut grouped: BTreeMap<Identity, Vec<(usize, &Found)>> = BTreeMap::new();
    for (number, outcome) in evaluation.outcomes.iter().enumerate() {
        let mut seen: BTreeMap<(usize, usize, &Path), usize> = BTreeMap::new();
        for found in &outcome.images {
            let turn = seen.entry((found.site.start, found.site.end, &found.site.path)).or_default();
            let identity = (found.site.start, found.site.end, Arc::clone(&found.site.path), *turn);
            *turn += 1;
            if found.own || !found.names.is_empty() {
                grouped.entry(identity).or_default().push((number, found));
            }
        }
    }
    let mut reports: Vec<ImageReport> =
        grouped.into_values().filter_map(|group| report(&group, evaluation, fs, facts)).collect();
    // An image that a loop or a helper makes several times the same is shown once.
    reports.dedup_by(|b, a| {
        let same = a.site == b.site && a.names == b.names && a.variants.len() == b.variants.len();
        same && a.variants.iter().zip(&b.variants).all(|(x, y)| x.uri == y.uri && x.image == y.image)
    });
    reports
}

fn report(
    group: &[(usize, &Found)],
    evaluation: &Evaluation,
    fs: &dyn FileSystem,
    facts: &Facts,
) -> Option<ImageReport> {
    let (_, first) = group.first()?;
    let mut names: Vec<String> = Vec::new();
    let mut uses: Vec<Site> = Vec::new();
    let mut environments: Vec<Use> = Vec::new();
    for (_, found) in group {
        for used in &found.environments {
            if !environments.contains(used) {
                environments.push(used.clone());
            }
        }
        for name in &found.names {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        for site in &found.uses {
            if !uses.contains(site) {
                uses.push(site.clone());
            }
        }
    }
    let intermediate = names.is_empty() && uses.is_empty() && group.iter().all(|(_, f)| f.has_descendants);
    if intermediate && group.iter().all(|(_, f)| f.error.is_none()) {
        return None;
    }
    let mut variants: Vec<(Variant, Vec<usize>)> = Vec::new();
    for (number, found) in group {
        let variant = variant(found, &evaluation.outcomes[*number], fs, facts);
        match variants.iter_mut().find(|(v, _)| same(v, &variant)) {
            Some((_, numbers)) => numbers.push(*number),
            None => variants.push((variant, vec![*number])),
        }
    }
    let variants: Vec<Variant> = variants
        .into_iter()
        .map(|(variant, numbers)| Variant { when: conditions(&numbers, &evaluation.outcomes), ..variant })
        .collect();
    let mut assumptions: Vec<String> = Vec::new();
    let mut unknowns: Vec<Unknown> = Vec::new();
    for variant in &variants {
        for text in &variant.assumptions {
            if !assumptions.contains(text) {
                assumptions.push(text.clone());
            }
        }
        for unknown in &variant.unknowns {
            if !unknowns.contains(unknown) {
                unknowns.push(unknown.clone());
            }
        }
    }
    if evaluation.truncated {
        let count = evaluation.outcomes.len();
        assumptions.push(format!("only {count} of the file's possible outcomes were looked at"));
    }
    let certainty = match variants.first() {
        Some(variant) if variant.uri.is_none() => Certainty::Unknown,
        _ if !assumptions.is_empty() || variants.len() > 1 || variants.iter().any(|v| !v.when.is_empty()) => {
            Certainty::Assumed
        }
        _ => Certainty::Exact,
    };
    Some(ImageReport {
        bindings: bindings(&names, group, &evaluation.outcomes),
        names,
        site: first.site.clone(),
        uses,
        environments,
        certainty,
        assumptions,
        unknowns,
        variants,
        imported: !first.own && !first.names.iter().any(|n| n.ends_with(".image")),
        speculative: first.speculative,
        intermediate,
    })
}

fn same(a: &Variant, b: &Variant) -> bool {
    a.uri == b.uri && a.image == b.image && a.errors == b.errors && a.unknowns == b.unknowns
}

fn bindings(names: &[String], group: &[(usize, &Found)], outcomes: &[Outcome]) -> Vec<Binding> {
    let of = |name: &String| {
        let holding: Vec<usize> =
            group.iter().filter(|(_, found)| found.names.contains(name)).map(|(number, _)| *number).collect();
        let (when, likely) = (conditions(&holding, outcomes), holding.contains(&0));
        Binding { name: name.clone(), when, likely }
    };
    names.iter().map(of).collect()
}

/// The conditions that hold in all the given outcomes and not in all outcomes.
fn conditions(numbers: &[usize], outcomes: &[Outcome]) -> Vec<Condition> {
    let Some(first) = numbers.first().and_then(|n| outcomes.get(*n)) else { return Vec::new() };
    let holds = |outcome: &Outcome, condition: &Condition| outcome.conditions.contains(condition);
    first
        .conditions
        .iter()
        .filter(|c| numbers.iter().all(|n| holds(&outcomes[*n], c)) && !outcomes.iter().all(|o| holds(o, c)))
        .cloned()
        .collect()
}

fn variant(found: &Found, outcome: &Outcome, fs: &dyn FileSystem, facts: &Facts) -> Variant {
    let world = World::new(fs, &outcome.environment);
    let mut out = Variant {
        environment: Arc::clone(&outcome.environment),
        when: Vec::new(),
        image: Arc::clone(&found.image),
        modified: true,
        uri: None,
        tag: None,
        layers: Vec::new(),
        dockerfile: None,
        errors: Vec::new(),
        unknowns: Vec::new(),
        assumptions: found.assumptions.clone(),
        missing: Vec::new(),
    };
    if let Some((raised, site, method)) = &found.error {
        out.errors.push(StageError {
            stage: Stage::Import,
            raised: raised.clone(),
            site: site.clone(),
            method: *method,
        });
    }
    let obstacle = found
        .unsettled
        .clone()
        .or_else(|| facts.release_unknown().map(|reason| Arc::new(Unknown { reason, site: None })));
    if let Some(why) = obstacle {
        out.unknowns.push(Unknown::clone(&why));
        out.layers = layers(&found.image, None, &[]);
        return out;
    }
    let mut ctx = Working { found, world: &world, out: &mut out };
    ctx.work();
    let used = found.image.used.union(world.take_used());
    add_assumptions(&mut out, used, outcome, facts);
    out
}

struct Working<'a, 'w> {
    found: &'a Found,
    world: &'a World<'w>,
    out: &'a mut Variant,
}

impl Working<'_, '_> {
    /// The image as deployed, its tag, its checks, its Dockerfile.
    fn work(&mut self) {
        let image = match self.found.image.deployed(self.world) {
            Ok(image) => Arc::new(image),
            Err(stop) => {
                self.note(Stage::Build, stop, None);
                Arc::clone(&self.found.image)
            }
        };
        let (tags, stopped) = match image.digests(self.world) {
            Ok(tags) => (tags, None),
            Err((tags, stop)) => (tags, Some(stop)),
        };
        let failing =
            tags.len().checked_sub(1).and_then(|n| image.layers.get(n)).and_then(|l| l.site.clone());
        let digest = stopped.map_or_else(|| Ok(tags.last().cloned().unwrap_or_default()), Err);
        let uri = image.uri_with(|| digest.clone(), self.world);
        match &uri {
            Ok(uri) => {
                let own = image.tag.clone().or_else(|| digest.clone().ok());
                let own = own.filter(|tag| uri.ends_with(&format!(":{tag}")));
                self.out.tag = own.or_else(|| tag_of(uri));
                self.out.uri = Some(uri.clone());
            }
            Err(stop) => {
                let site = failing.filter(|_| digest.as_ref().err() == Some(stop)).map(|s| s.site.clone());
                self.note(Stage::Hash, stop.clone(), site);
            }
        }
        if let Err(stop) = image.validate(self.world) {
            let site = image
                .layers
                .iter()
                .find(|l| {
                    Image { layers: vec![Arc::clone(l)], ..Image::clone(&image) }
                        .validate(self.world)
                        .is_err()
                })
                .and_then(|l| l.site.as_ref().map(|s| s.site.clone()));
            self.note(Stage::Validate, stop, site);
        }
        self.out.modified = is_modified(&image, uri.as_deref().ok(), self.world);
        self.dockerfile(&image, &uri);
        let lines = self.out.dockerfile.as_ref().map(|d| d.layer_lines.as_slice());
        self.out.layers = layers(&image, lines, &tags);
        self.missing(&image);
        self.out.image = image;
    }

    /// Notes the files that are not there.
    fn missing(&mut self, image: &Image) {
        let own = image.origin.as_ref().filter(|_| matches!(image.dockerfile, Value::Path(_)));
        let dockerfile = match &image.dockerfile {
            Value::Path(path) => Some(Needed {
                parameter: "file",
                what: "Dockerfile",
                path: path.clone(),
                is_folder: false,
                form: Form::Any,
            }),
            _ => None,
        };
        let of_layers = image.layers.iter().filter_map(|l| Some((l.site.as_ref()?, needed(l))));
        let all = own.map(|site| (site, dockerfile.into_iter().collect())).into_iter().chain(of_layers);
        for (call, needed) in all {
            for needed in needed {
                if self.world.exists(&needed.path) {
                    continue;
                }
                let site = call.argument(needed.parameter).next().unwrap_or(&call.site).clone();
                let resolved = self.world.absolute(&needed.path).to_string();
                let beside_module = !needed.path.is_absolute()
                    && site
                        .path
                        .parent()
                        .is_some_and(|f| self.world.fs.exists(&f.join(needed.path.as_str())));
                self.out.missing.push(Missing {
                    what: needed.what,
                    path: needed.path.to_string(),
                    resolved,
                    method: call.method,
                    site,
                    beside_module,
                });
            }
        }
    }

    fn dockerfile(&mut self, image: &Arc<Image>, uri: &Res<String>) {
        if let Err(stop) = image.hashable() {
            self.note(Stage::Build, stop, unhashable_part(image));
            return;
        }
        if !self.out.modified && image.layers.is_empty() {
            // Nothing was changed: the base is used as it is, and there is no Dockerfile.
            return;
        }
        match dockerfile::render(image, uri, self.world) {
            Ok(dockerfile) => self.out.dockerfile = Some(dockerfile),
            Err(stop) => {
                let known = match &stop {
                    Stop::Raise(raised) => self.out.errors.iter().any(|e| e.raised == *raised),
                    Stop::Unknown(why) => self.out.unknowns.iter().any(|u| u.reason == why.reason),
                };
                if !known {
                    let site = first_failing(image, self.world);
                    self.note(Stage::Build, stop, site);
                }
            }
        }
    }

    fn note(&mut self, stage: Stage, stop: Stop, site: Option<Site>) {
        match stop {
            Stop::Raise(raised) => {
                let site = site.unwrap_or_else(|| self.found.site.clone());
                self.out.errors.push(StageError { stage, raised, site, method: None });
            }
            Stop::Unknown(why) => {
                let mut why = Unknown::clone(&why);
                why.site = why.site.or(site);
                // An image that flyte refuses is not unknown but wrong; the error says so.
                let is_error = self.found.error.is_some() && why.reason.starts_with("flyte raises");
                if !is_error && !self.out.unknowns.contains(&why) {
                    self.out.unknowns.push(why);
                }
            }
        }
    }
}

/// What keeps the image from being hashed: an argument for one of its own fields, or the call of a layer.
fn unhashable_part(image: &Image) -> Option<Site> {
    const OWN: [&str; 9] = [
        "image_uri",
        "base_image",
        "file",
        "registry",
        "name",
        "platform",
        "python_version",
        "extendable",
        "registry_secret",
    ];
    let is_own = |given: &&Given| OWN.contains(&given.parameter) && given.value.unhashable().is_some();
    let of_layers = || {
        let layer = image.layers.iter().find(|layer| layer.unhashable().is_some())?;
        layer.site.as_ref().map(|call| call.site.clone())
    };
    let own = image.calls.iter().rev().flat_map(|call| &call.arguments).find(is_own);
    own.map(|given| given.site.clone()).or_else(of_layers)
}

/// The call of the first layer whose lines cannot be written.
fn first_failing(image: &Arc<Image>, world: &World<'_>) -> Option<Site> {
    image.layers.iter().find_map(|layer| {
        let alone = Image { layers: vec![Arc::clone(layer)], ..Image::clone(image) };
        let fails = dockerfile::render(&alone, &Ok(String::new()), world).is_err();
        if fails { layer.site.as_ref().map(|s| s.site.clone()) } else { None }
    })
}

fn layers(
    image: &Image,
    lines: Option<&[Option<std::ops::RangeInclusive<usize>>]>,
    tags: &[String],
) -> Vec<LayerReport> {
    image
        .layers
        .iter()
        .enumerate()
        .map(|(i, layer)| LayerReport {
            kind: layer.kind.class_name(),
            method: layer.site.as_ref().map(|s| s.method),
            site: layer.site.as_ref().map(|s| s.site.clone()),
            dockerfile_lines: lines
                .and_then(|l| l.get(i))
                .and_then(|range| range.as_ref().map(|r| (*r.start(), *r.end()))),
            tag_so_far: tags.get(i + 1).cloned(),
        })
        .collect()
}

/// Whether an image has to be built. Releases before 2.1.6 do not note it: there, an address other than the base's says
/// so.
fn is_modified(image: &Image, uri: Option<&str>, world: &World<'_>) -> bool {
    match (world.behaviours().address, &image.base_image) {
        (Address::ByParts, Value::Str(base)) => uri.map_or(image.cloned, |uri| uri != &**base),
        _ => image.cloned,
    }
}

/// The tag in an address.
fn tag_of(uri: &str) -> Option<String> {
    let name = uri.split('@').next().unwrap_or(uri);
    let (rest, tag) = name.rsplit_once(':')?;
    (!tag.contains('/') && !rest.is_empty()).then(|| tag.to_owned())
}

fn add_assumptions(out: &mut Variant, used: FactSet, outcome: &Outcome, facts: &Facts) {
    let release = &outcome.environment.release;
    for fact in FactSet::ALL {
        if !used.contains(fact) {
            continue;
        }
        // The release is told on its own, with its source.
        if fact == image_model::world::Fact::FlyteVersion && facts.release_source != ReleaseSource::Default {
            continue;
        }
        let text = facts.describe(fact);
        if !out.assumptions.contains(&text) {
            out.assumptions.push(text);
        }
    }
    out.assumptions.extend(assumed(release).filter(|_| !release.is_exact()));
}

/// Whether an error is about a file that is not there.
#[must_use]
pub fn missing_path(raised: &Raised) -> Option<&str> {
    if let Cause::MissingPath { path } = &raised.cause { Some(path) } else { None }
}
