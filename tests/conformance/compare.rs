//! Compares what the oracle says with what the inspection says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::case::Case;
use image_manifests::fs::OsFileSystem;
use image_model::context::{self, Content};
use image_model::release::Release;
use image_model::world::World;
use image_python::evaluate::Sources;
use image_python::inspect::{FileReport, Variant, inspect};
use image_python::project::{Ambient, Facts, Options};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How a comparison ends for one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Equal,
    /// The inspection says that it does not know.
    Unknown(String),
    Wrong(Difference),
}

/// Where the two part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which behaviour: the same words for the same behaviour, whatever the program.
    pub of: String,
    /// What both say.
    pub detail: String,
}

fn wrong(of: impl Into<String>, detail: String) -> Verdict {
    Verdict::Wrong(Difference { of: of.into(), detail })
}

/// One project as the inspection is to see it.
pub struct Setting<'a> {
    pub dir: &'a Path,
    pub file: &'a str,
    pub root: Option<String>,
    pub env: &'a BTreeMap<String, String>,
    /// The environment with flyte in it; without one, the release is given.
    pub python: Option<&'a Path>,
    /// The release to assume, whatever is installed.
    pub release: Option<&'a str>,
}

impl<'a> Setting<'a> {
    /// A case as it lies in its folder.
    pub fn of(case: &'a Case, dir: &'a Path, python: Option<&'a Path>, release: Option<&'a str>) -> Self {
        Self { dir, file: "m.py", root: case.root_dir(), env: &case.env, python, release }
    }

    pub fn facts(&self) -> Facts {
        let mut variables = self.env.clone();
        variables.insert("HOME".to_owned(), "/nonexistent".to_owned());
        if self.python.is_none() {
            // Without an environment the interpreter's version comes from a pin.
            variables.insert("PATH".to_owned(), String::new());
        }
        let ambient = Ambient { variables, current_directory: self.dir.to_owned() };
        let options = Options {
            python: self.python.map(Path::to_path_buf),
            root_dir: Some(self.root.clone().unwrap_or_else(|| "none".to_owned())),
            ..Options::default()
        };
        let mut facts = Facts::find(&self.dir.join(self.file), &options, &ambient, &OsFileSystem);
        if let Some(release) = self.release {
            // What it does, under the version that is installed.
            let installed = self.python.map(|_| facts.environment.release.version.clone());
            facts.environment.release = Release::of(release);
            facts.environment.release.version = installed.unwrap_or_else(|| release.to_owned());
        }
        if self.python.is_none() {
            facts.environment.python_version = Some((3, 11));
        }
        facts
    }

    pub fn inspect(&self) -> (FileReport, Arc<Facts>) {
        let facts = self.facts();
        let report = inspect(&self.dir.join(self.file), &Sources::default(), &OsFileSystem, &Arc::new(facts))
            .expect("readable");
        let facts = Arc::clone(&report.facts);
        (report, facts)
    }
}

/// Compares a whole file: one verdict for the import, one for each image that the oracle saw.
pub fn compare(answer: &Value, setting: &Setting<'_>) -> Vec<(String, Verdict)> {
    let (report, facts) = setting.inspect();
    let mut verdicts = vec![("import".to_owned(), import_verdict(answer, &report))];
    let images = answer["images"].as_object().expect("images");
    for (name, expected) in images {
        let candidates: Vec<&Variant> =
            report.images.iter().filter(|i| i.names.contains(name)).flat_map(|i| &i.variants).collect();
        let verdict = match candidates.as_slice() {
            [] => Verdict::Unknown("no image of that name".to_owned()),
            all => {
                let each: Vec<Verdict> = all.iter().map(|v| variant_verdict(expected, v, &facts)).collect();
                let unknown = each.iter().find(|v| matches!(v, Verdict::Unknown(_)));
                if each.contains(&Verdict::Equal) {
                    Verdict::Equal
                } else {
                    unknown.unwrap_or(&each[0]).clone()
                }
            }
        };
        verdicts.push((name.clone(), verdict));
    }
    verdicts
}

fn import_verdict(answer: &Value, report: &FileReport) -> Verdict {
    let expected = &answer["import_error"];
    let ours = report.import_error.as_ref().map(|(r, _)| (r.exception, r.message.as_str()));
    let theirs = expected
        .as_object()
        .map(|e| (e["type"].as_str().unwrap_or_default(), e["message"].as_str().unwrap_or_default()));
    match (theirs, ours) {
        (None, None) => Verdict::Equal,
        (Some(a), Some(b)) if a == b => Verdict::Equal,
        (Some(a), None) => Verdict::Unknown(format!("import: flyte {a:?}, nothing here")),
        (Some(("NameError", _)), _) => {
            Verdict::Unknown("names that are not defined are not followed".to_owned())
        }
        (theirs, ours) => {
            let class = theirs.or(ours).map_or("none", |(class, _)| class);
            wrong(format!("{class} at import"), format!("flyte {theirs:?}, here {ours:?}"))
        }
    }
}

/// An outcome of the oracle: a value or an error.
fn outcome(value: &Value) -> Result<&Value, (String, String)> {
    match value.get("error") {
        Some(e) => Err((
            e["type"].as_str().unwrap_or_default().to_owned(),
            e["message"].as_str().unwrap_or_default().to_owned(),
        )),
        None => Ok(&value["ok"]),
    }
}

fn has_error(variant: &Variant, error: &(String, String)) -> bool {
    // Where the build leaves its temporary folder, the text names it.
    let outside = error.1.contains("is not in the subpath of");
    variant.errors.iter().any(|e| {
        e.raised.exception == error.0
            && (e.raised.message == error.1
                || (outside && e.raised.message.contains("is not in the subpath of")))
    })
}

fn variant_verdict(expected: &Value, variant: &Variant, facts: &Facts) -> Verdict {
    let reason = || variant.unknowns.first().map(|u| u.reason.clone()).unwrap_or_default();
    let is_unknown = !variant.unknowns.is_empty();
    if variant.errors.iter().any(|e| e.stage == image_python::inspect::Stage::Import) {
        // Python stops there, and a name keeps what it held before; the inspection goes on and shows the error.
        return Verdict::Unknown("the module stops at an error".to_owned());
    }
    match (outcome(&expected["uri"]), &variant.uri) {
        (Ok(uri), Some(ours)) if uri == ours => {}
        (Err(error), None) if has_error(variant, &error) => {}
        (_, None) if is_unknown => return Verdict::Unknown(reason()),
        (theirs, ours) => {
            return wrong(
                uri_aspect(expected, variant),
                format!("flyte {theirs:?}, here {ours:?} {:?}", variant.errors),
            );
        }
    }
    let modified = expected.get("modified").and_then(Value::as_bool);
    if modified.is_some_and(|modified| modified != variant.modified) && !is_unknown {
        return wrong(
            "whether an image is modified",
            format!("flyte {modified:?}, here {}", variant.modified),
        );
    }
    let kinds: Vec<&str> = variant.layers.iter().map(|l| l.kind).collect();
    if let Some(theirs) = expected["layers"].as_array()
        && theirs.iter().map(|l| l.as_str().unwrap_or_default()).ne(kinds.iter().copied())
    {
        return wrong("the layers of an image", format!("flyte {theirs:?}, here {kinds:?}"));
    }
    if let Some(tags) = expected.get("tags").and_then(Value::as_array) {
        let ours: Vec<&str> = variant.layers.iter().filter_map(|l| l.tag_so_far.as_deref()).collect();
        let theirs: Vec<&str> = tags.iter().skip(1).filter_map(Value::as_str).collect();
        if ours != theirs && !is_unknown {
            let first = theirs.iter().zip(&ours).position(|(a, b)| a != b).unwrap_or(0);
            let kind = kinds.get(first).copied().unwrap_or("the base");
            return wrong(format!("tag: {kind}"), format!("flyte {theirs:?}, here {ours:?}"));
        }
    }
    if let Some(validate) = expected.get("validate") {
        let own = variant.errors.iter().any(|e| e.stage == image_python::inspect::Stage::Validate);
        match outcome(validate) {
            Ok(_) if own => {
                return wrong("checks before a build", format!("flyte passes, here {:?}", variant.errors));
            }
            Err(error) if !has_error(variant, &error) && !is_unknown => {
                let detail = format!("flyte {error:?}, here {:?}", variant.errors);
                return wrong(format!("checks before a build: {}", error.0), detail);
            }
            _ => {}
        }
    }
    match expected.get("dockerfile") {
        Some(dockerfile) => dockerfile_verdict(dockerfile, variant, facts),
        None => Verdict::Equal,
    }
}

fn dockerfile_verdict(expected: &Value, variant: &Variant, facts: &Facts) -> Verdict {
    let is_unknown = !variant.unknowns.is_empty();
    match (outcome(expected), &variant.dockerfile) {
        (Err(error), None) if has_error(variant, &error) => Verdict::Equal,
        (_, None) if is_unknown => {
            Verdict::Unknown(variant.unknowns.first().map(|u| u.reason.clone()).unwrap_or_default())
        }
        (Err(error), ours) => {
            let ours = ours.as_ref().map_or("none", |_| "a text");
            let detail = format!("flyte {error:?}, here {ours} {:?}", variant.errors);
            wrong(format!("build error: {}", error.0), detail)
        }
        (Ok(_), None) => wrong("a Dockerfile where there is none here", format!("{:?}", variant.errors)),
        (Ok(theirs), Some(ours)) => {
            let text = theirs["text"].as_str().unwrap_or_default();
            let is_digest = text.starts_with("sha256:");
            if is_digest && text != crate::goldens::digest(&ours.text) {
                return wrong("Dockerfile", format!("flyte {text}, here {:?}", ours.text));
            }
            if !is_digest && text != ours.text {
                return dockerfile_difference(text, ours, variant);
            }
            context_verdict(&theirs["context"], ours, facts)
        }
    }
}

fn context_verdict(expected: &Value, ours: &image_model::dockerfile::Dockerfile, facts: &Facts) -> Verdict {
    let fs = OsFileSystem;
    let world = World::new(&fs, &facts.environment);
    let Ok(files) = context::files(&ours.context, &world) else {
        return Verdict::Unknown("the context is not known".to_owned());
    };
    let mut found = serde_json::Map::new();
    for (target, content) in files {
        let bytes = match content {
            Content::File(path) => std::fs::read(world.resolve(&path)).unwrap_or_default(),
            Content::Text(text) => text.into_bytes(),
        };
        let hex: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        found.insert(target, Value::String(hex));
    }
    let found = Value::Object(found);
    if &found == expected {
        return Verdict::Equal;
    }
    let names = |v: &Value| v.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    wrong("the build context", format!("flyte {:?}, here {:?}", names(expected), names(&found)))
}

/// Whether an address differs by its tag, and from which layer on, or by something else.
fn uri_aspect(expected: &Value, variant: &Variant) -> String {
    let theirs = expected.get("tags").and_then(Value::as_array);
    let ours: Vec<_> = variant.layers.iter().map(|l| l.tag_so_far.as_deref()).collect();
    let first = theirs.and_then(|tags| tags.iter().skip(1).zip(&ours).position(|(a, b)| a.as_str() != *b));
    match first.and_then(|place| variant.layers.get(place)) {
        Some(layer) => format!("tag: {}", layer.kind),
        None => "the address".to_owned(),
    }
}

fn dockerfile_difference(
    theirs: &str,
    ours: &image_model::dockerfile::Dockerfile,
    variant: &Variant,
) -> Verdict {
    let mut pairs = theirs.lines().zip(ours.text.lines()).enumerate();
    let Some((number, (a, b))) = pairs.find(|(_, (a, b))| a != b) else {
        return wrong("Dockerfile: its end", format!("flyte {theirs:?}, here {:?}", ours.text));
    };
    let line = number + 1;
    let lines = ours.layer_lines.iter().map(|l| l.as_ref().map(|l| (*l.start(), *l.end())));
    let mut part = "the lines before all layers".to_owned();
    for (layer, lines) in variant.layers.iter().zip(lines) {
        match lines {
            Some((first, _)) if line < first => break,
            Some((_, last)) if line > last => part = "the lines after all layers".to_owned(),
            Some(_) => {
                part = layer.kind.to_owned();
                break;
            }
            None => {}
        }
    }
    wrong(format!("Dockerfile: {part}"), format!("flyte {a:?}, here {b:?}"))
}
