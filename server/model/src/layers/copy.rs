//! `CopyConfig` (`with_source_folder`, `with_source_file`) and `CodeBundleLayer`.

use super::Feed;
use crate::dockerfile::Render;
use crate::error::{Cause, Res, raise, raise_for, unknown};
use crate::ignore::Ignore;
use crate::layer::Layer;
use crate::value::Value;
use crate::world::World;

pub(super) fn feed(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    let source = layer.get("src").path_for("is_dir")?;
    let own;
    let ignore = match to.ignore {
        Some(ignore) => Some(ignore),
        None if to.world.is_dir(source) => {
            own = Ignore::read(source, to.world)?;
            Some(&own)
        }
        None => None,
    };
    to.digest.source(source, ignore, to.world)?;
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
    let is_folder = matches!(layer.get("path_type"), Value::Int(1));
    if !world.exists(source) {
        let cause = Cause::MissingPath { path: source.to_string() };
        let message = format!("Source folder {} does not exist", world.absolute(source));
        return raise_for("ImageBuildError", message, cause);
    }
    if is_folder && !world.is_dir(source) {
        return raise(
            "ImageBuildError",
            format!("Source folder {} is not a directory", world.absolute(source)),
        );
    }
    if !is_folder && !world.is_file(source) {
        return raise("ImageBuildError", format!("Source file {} is not a file", world.absolute(source)));
    }
    Ok(())
}

pub(super) fn render(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let source = layer.get("src").path_for("exists")?.clone();
    let place = if out.world.is_dir(&source) {
        let patterns = out.patterns()?;
        out.copy_folder(&source, &patterns)?
    } else {
        out.copy_file(&source)?
    };
    let target = layer.get("dst").str()?;
    out.push(&format!("\nCOPY --chown=flyte:flyte {place} {target}\n"));
    Ok(())
}
