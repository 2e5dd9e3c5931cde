//! `CopyConfig` (`with_source_folder`, `with_source_file`) and `CodeBundleLayer`.

use super::Feed;
use crate::dockerfile::Render;
use crate::error::{Cause, Res, raise, raise_for, unknown};
use crate::ignore::Ignore;
use crate::layer::Layer;
use crate::path::PyPath;
use crate::value::Value;
use crate::world::World;

pub(super) fn feed(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    let behaviours = to.world.behaviours();
    let own;
    let ignore = match to.ignore {
        Some(ignore) => Some(ignore),
        None if behaviours.ignore_file_in_tag => {
            let source = layer.get("src").path_for("is_dir")?;
            own = if to.world.is_dir(source) { Some(Ignore::read(source, to.world)?) } else { None };
            own.as_ref()
        }
        None => None,
    };
    match layer.get("src").known()? {
        // Before lists became layers of their own, and single files counted only there.
        Value::List(sources) => {
            for source in sources.iter() {
                to.digest.listed_source(&super::openable(source)?, ignore, to.world)?;
            }
        }
        source => {
            let source = match source {
                Value::Path(_) | Value::Str(_) => super::openable(source)?,
                // os.walk was given `str(source)`.
                other if !behaviours.source_file_in_tag => PyPath::new(&other.str()?),
                other => return unknown(format!("a source that is a {} is not followed", other.type_name())),
            };
            to.digest.source(&source, ignore, to.world)?;
        }
    }
    let target = layer.get("dst");
    if target.truthy()? {
        to.digest.update(target.encode()?);
    }
    Ok(())
}

pub(super) fn feed_code_bundle(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    let (style, target) = (layer.get("copy_style").str()?, layer.get("dst").str()?);
    to.digest.update(format!("code_bundle:{style}:{target}"));
    if layer.get("root_dir").known()?.is_none() {
        return raise("ValueError", "root_dir not set for CodeBundleLayer");
    }
    unknown("a code bundle holds the modules that are loaded when the file runs")
}

pub(super) fn validate(layer: &Layer, world: &World<'_>) -> Res<()> {
    let source = layer.get("src").path_for("exists")?;
    let error = world.behaviours().source_error;
    let is_folder = matches!(layer.get("path_type"), Value::Int(1));
    if !world.exists(source) {
        let cause = Cause::MissingPath { path: source.to_string() };
        let message = format!("Source folder {} does not exist", world.absolute(source));
        return raise_for(error, message, cause);
    }
    if is_folder && !world.is_dir(source) {
        let message = format!("Source folder {} is not a directory", world.absolute(source));
        return raise_for(error, message, Cause::WrongKind { path: source.to_string() });
    }
    if !is_folder && !world.is_file(source) {
        let message = format!("Source file {} is not a file", world.absolute(source));
        return raise_for(error, message, Cause::WrongKind { path: source.to_string() });
    }
    Ok(())
}

pub(super) fn render(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let first = if out.world.behaviours().missing_source_advises { "exists" } else { "is_absolute" };
    let source = layer.get("src").path_for(first)?.clone();
    let place = if out.world.is_dir(&source) {
        let patterns = out.patterns()?;
        out.copy_folder(&source, &patterns)?
    } else {
        out.copy_file(&source)?
    };
    let target = layer.get("dst").str()?;
    let owner = out.world.behaviours().copy_owner;
    out.push(&format!("\nCOPY {owner}{place} {target}\n"));
    Ok(())
}
