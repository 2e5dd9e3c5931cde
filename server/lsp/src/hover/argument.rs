//! Hover on an argument: a package's specifier in words, what a path leads to, what the parameter is for.

use std::fmt::Write as _;

use image_manifests::fs::{FileSystem, Kind};
use image_model::context::Item;
use image_model::layers::needed;
use image_model::methods;
use image_model::origin::Given;
use image_model::path::PyPath;
use image_model::value::Value;
use image_model::world::World;
use image_python::inspect::Variant;
use image_rules::requirements;

use crate::analysis::Analysis;
use crate::cursor::Link;
use crate::state::State;
use crate::wording;

/// The hover of an argument, or of one item of it.
pub(super) fn markdown(
    link: Link<'_>,
    given: &Given,
    value: &Value,
    analysis: &Analysis,
    state: &State,
) -> String {
    let own = match (given.parameter, value) {
        ("packages", Value::Str(text)) if link.call.method != "with_apt_packages" => Some(package(text)),
        ("packages", Value::Str(text)) => Some(format!("`{text}`, a package of Debian")),
        _ => path(link, given, value, state),
    };
    let mut out = own.map(|o| format!("{o}\n\n")).unwrap_or_default();
    out.push_str(&parameter(link, given, analysis));
    if matches!(value, Value::Unknown(_)) {
        out.push_str("\n\nIts value is not known");
        if let Value::Unknown(why) = value {
            let _ = write!(out, " because {}", why.reason);
        }
        out.push('.');
    }
    out
}

/// `file: str | Path`, and what it is for.
fn parameter(link: Link<'_>, given: &Given, analysis: &Analysis) -> String {
    let release = &analysis.facts.environment.release;
    let parameter = methods::method(link.call.method)
        .and_then(|m| m.parameters_of(release).find(|p| p.name == given.parameter));
    let shown = parameter.map_or_else(|| given.parameter.to_owned(), crate::signature_help::parameter);
    format!("`{shown}` — {}", wording::of_parameter(link.call.method, given.parameter))
}

fn package(text: &str) -> String {
    let Some(name) = requirements::name(text) else { return format!("`{text}`, handed to uv as it is") };
    let words = requirements::in_words(text);
    format!("**{name}**{}{words}", if words.is_empty() { ", any version" } else { ": " })
}

/// What a path leads to.
fn path(link: Link<'_>, given: &Given, value: &Value, state: &State) -> Option<String> {
    let variant = link.variant;
    let of_layers =
        variant.image.layers.iter().filter(|l| l.site.as_ref().is_some_and(|s| s.site == link.call.site));
    let names_file = of_layers.flat_map(|l| needed(l)).any(|n| n.parameter == given.parameter)
        || matches!(
            (link.call.method, given.parameter),
            ("from_dockerfile", "file") | ("from_uv_script" | "from_pixi_script", "script")
        );
    if !names_file {
        return None;
    }
    let path = match value {
        Value::Path(path) => path.clone(),
        Value::Str(text) => PyPath::new(text),
        _ => return None,
    };
    let fs = state.snapshot();
    let world = World::new(&fs, &variant.environment);
    let full = world.resolve(&path);
    let shown = world.absolute(&path).normalised().to_string();
    let mut out = format!("`{shown}`");
    match fs.metadata(&full) {
        Err(_) => out.push_str("\n\n**It is not there.**"),
        Ok(m) if m.kind == Kind::Dir => {
            let _ = write!(out, ", a folder{}", folder_size(variant, &path, &world).unwrap_or_default());
        }
        Ok(m) => {
            let _ = write!(out, ", {}", bytes(m.len));
        }
    }
    if !path.is_absolute() {
        let _ =
            write!(out, "\n\nRelative to `{}`, where flyte is run.", variant.environment.working_directory);
    }
    Some(out)
}

/// How much of a folder goes into the build, without what is ignored.
fn folder_size(variant: &Variant, folder: &PyPath, world: &World<'_>) -> Option<String> {
    let context = &variant.dockerfile.as_ref()?.context;
    let item = context.iter().find(|i| matches!(i, Item::Folder { source, .. } if source == folder))?;
    let files = variant.environment.folders.get().files(item, world).ok()?;
    let size = files.iter().map(|(_, _, size)| size).sum();
    let count = match files.len() {
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    Some(format!(": {count} in the build context, {}", bytes(size)))
}

/// A size for a person.
fn bytes(size: u64) -> String {
    const UNITS: [&str; 3] = ["kB", "MB", "GB"];
    if size < 1000 {
        return format!("{size} bytes");
    }
    let (mut tenths, mut unit) = (size / 100, 0);
    while tenths >= 10_000 && unit < 2 {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}
