//! One outcome of an image: its tag, its checks, its Dockerfile, and what they rest on, as flyte would work them out when it
//! deploys and builds. Nothing is worked out of an image that is not known whole.

use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_model::dockerfile;
use image_model::error::{Res, Stop, Unknown};
use image_model::image::Image;
use image_model::layers::{Form, Needed, needed};
use image_model::origin::{Given, Site};
use image_model::release::Address;
use image_model::value::Value;
use image_model::world::{Facts as FactSet, World};

use super::report::{LayerReport, Missing, Stage, StageError, Variant};
use crate::evaluate::{Found, Outcome};
use crate::project::{Facts, ReleaseSource, assumed};

pub(super) fn variant(found: &Found, outcome: &Outcome, fs: &dyn FileSystem, facts: &Facts) -> Variant {
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
