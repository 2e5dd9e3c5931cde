//! Layers that are little more than their text: apt packages, commands, environment, working directory, lines,
//! and the ignore file.

use super::{Feed, append_secrets};
use crate::context::Item;
use crate::dockerfile::Render;
use crate::error::{Cause, Res, raise, raise_for};
use crate::hash::os_error;
use crate::layer::Layer;
use crate::path::PyPath;
use crate::secret::mount_arguments;
use crate::value::Value;

pub(super) fn feed_joined(layer: &Layer, field: &str, to: &mut Feed<'_, '_>) -> Res<()> {
    let mut text = layer.get(field).joined("")?;
    append_secrets(layer, &mut text)?;
    to.digest.update(text);
    Ok(())
}

pub(super) fn feed_lines(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    to.digest.update(layer.get("lines").joined("")?);
    Ok(())
}

pub(super) fn feed_workdir(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    to.digest.update(layer.get("workdir").encode()?);
    Ok(())
}

/// `(k, v)` of each variable, as text.
fn variables(layer: &Layer) -> Res<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for pair in layer.get("env_vars").iterate()? {
        match pair.known()? {
            Value::Tuple(items) if items.len() == 2 => pairs.push((items[0].str()?, items[1].str()?)),
            other => {
                return raise(
                    "TypeError",
                    format!("cannot unpack non-iterable {} object", other.type_name()),
                );
            }
        }
    }
    Ok(pairs)
}

pub(super) fn feed_env(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    let shown: Vec<String> = variables(layer)?.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    to.digest.update(shown.join(" "));
    Ok(())
}

/// The path text of an ignore layer.
fn ignore_path(layer: &Layer) -> Res<PyPath> {
    Ok(PyPath::new(&layer.get("path").str()?))
}

pub(super) fn feed_dockerignore(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    let path = ignore_path(layer)?;
    if to.world.behaviours().ignore_file_in_tag && to.world.exists(&path) {
        return to.digest.file(&path, to.world);
    }
    to.digest.update(layer.get("path").encode()?);
    Ok(())
}

pub(super) fn render_apt(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let secrets = mount_arguments(layer.get("secret_mounts"))?;
    let packages = layer.get("packages").joined(" ")?;
    out.push(&format!(
        "RUN --mount=type=cache,sharing=locked,mode=0777,target=/var/cache/apt,id=apt    {secrets}    apt-get update && \
         apt-get install -y --no-install-recommends    {packages}\n"
    ));
    Ok(())
}

pub(super) fn render_commands(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let secrets = mount_arguments(layer.get("secret_mounts"))?;
    for command in layer.get("commands").iterate()? {
        out.push(&format!("\nRUN {secrets} {}\n", command.str()?));
    }
    Ok(())
}

pub(super) fn render_lines(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    for line in layer.get("lines").iterate()? {
        out.push(&format!("\n{}\n", line.str()?));
    }
    Ok(())
}

pub(super) fn render_workdir(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    out.push(&format!("\nWORKDIR {}\n", layer.get("workdir").str()?));
    Ok(())
}

pub(super) fn render_env(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    for (key, value) in variables(layer)? {
        out.push(&format!("\nENV {key}={value}\n"));
    }
    Ok(())
}

pub(super) fn render_dockerignore(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let path = ignore_path(layer)?;
    let advises = out.world.behaviours().missing_ignore_file_advises;
    if !advises && let Err(error) = out.world.fs.read(&out.world.resolve(&path)) {
        return Err(os_error(&error, path.as_str()));
    }
    if !out.world.is_file(&path) {
        let shown = layer.get("path").str()?;
        let message = format!(
            "The .dockerignore file specified via with_dockerignore() was not found at '{shown}'. Ensure the path \
             points to an existing file."
        );
        return raise_for("ImageBuildError", message, Cause::MissingPath { path: shown });
    }
    let target = path.name().to_owned();
    out.context.push(Item::File { source: path, target });
    Ok(())
}
