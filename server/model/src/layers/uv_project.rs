//! `UVProject`: a project with pyproject.toml and perhaps uv.lock.

use image_manifests::uv_lock;

use super::{Feed, openable, pip};
use crate::dockerfile::{ACTIVE, Render, UV_RUN, owned};
use crate::error::{Cause, Res, raise, raise_for, unknown};
use crate::ignore::Ignore;
use crate::layer::Layer;
use crate::path::PyPath;
use crate::secret::mount_arguments;
use crate::value::Value;
use crate::world::{Fact, World};

pub(super) fn feed(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    pip::feed_options(layer, to)?;
    if layer.dependencies_only()? {
        if !layer.get("uvlock").known()?.is_none() {
            to.digest.file(&openable(layer.get("uvlock"))?, to.world)?;
        }
        return to.digest.file(&openable(layer.get("pyproject"))?, to.world);
    }
    let folder = layer.get("pyproject").path_for("parent")?.parent();
    feed_folder(&folder, to)
}

/// A project's folder, with its own ignore file unless the image has one.
pub(super) fn feed_folder(folder: &PyPath, to: &mut Feed<'_, '_>) -> Res<()> {
    let own;
    let ignore = match to.ignore {
        Some(ignore) => Some(ignore),
        None if to.world.behaviours().ignore_file_in_tag => {
            own = Ignore::read(folder, to.world)?;
            Some(&own)
        }
        None => None,
    };
    to.digest.source(folder, ignore, to.world)
}

pub(super) fn validate(layer: &Layer, world: &World<'_>) -> Res<()> {
    let pyproject = layer.get("pyproject").path_for("exists")?;
    if !world.exists(pyproject) {
        let cause = Cause::MissingPath { path: pyproject.to_string() };
        let message = format!("pyproject.toml file {} does not exist", world.realpath(pyproject));
        return raise_for("FileNotFoundError", message, cause);
    }
    if !world.is_file(pyproject) {
        let cause = Cause::WrongKind { path: pyproject.to_string() };
        let message = format!("Pyproject file {} is not a file", world.realpath(pyproject));
        return raise_for("ValueError", message, cause);
    }
    if !layer.get("uvlock").known()?.is_none() {
        let lock = layer.get("uvlock").path_for("exists")?;
        if !world.exists(lock) {
            let cause = Cause::MissingPath { path: lock.to_string() };
            let message = format!("UVLock file {} does not exist", world.realpath(lock));
            return raise_for("ValueError", message, cause);
        }
    }
    Ok(())
}

pub(super) fn render(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let secrets = mount_arguments(layer.get("secret_mounts"))?;
    let pyproject = layer.get("pyproject").clone();
    let has_lock = !layer.get("uvlock").known()?.is_none();
    if !layer.dependencies_only()? {
        let args = pip::install_args(layer)?.join(" ");
        let folder = pyproject.path_for("parent")?.parent();
        let mut needed = Vec::new();
        if has_lock {
            needed.push(("uv.lock", layer.get("uvlock")));
        }
        needed.push(("pyproject.toml", &pyproject));
        let place = out.copy_project(&folder, &needed)?;
        out.push(&format!(
            "{UV_RUN}   --mount=type=bind,target=/root/.flyte/{place},src={place},rw    {secrets}    {ACTIVE} uv sync \
             --active --inexact --no-editable     {args} --project /root/.flyte/{place}\n"
        ));
        return Ok(());
    }
    let mut args = pip::install_args(layer)?.join(" ");
    if !args.contains("--no-install-project") {
        args.push_str(" --no-install-project");
    }
    let pyproject = pyproject.path_for("exists")?.clone();
    let place = out.copy_file(&pyproject)?;
    let editable = editable_mounts(&pyproject, out)?;
    let lock = if has_lock {
        let lock = layer.get("uvlock").path_for("exists")?.clone();
        format!("   --mount=type=bind,target=uv.lock,src={},rw ", out.copy_file(&lock)?)
    } else {
        String::new()
    };
    out.push(&format!(
        "{UV_RUN}{lock}   --mount=type=bind,target=pyproject.toml,src={place}    {editable}    {secrets}    {ACTIVE} \
         uv sync --active --inexact {args}\n"
    ));
    Ok(())
}

/// Mounts for the project's editable dependencies, which flyte gets from `uv export` and we from uv.lock.
fn editable_mounts(pyproject: &PyPath, out: &mut Render<'_, '_>) -> Res<String> {
    out.world.uses(Fact::Uv);
    let root = pyproject.parent();
    let read = |path: &PyPath| out.world.fs.read_shared(&out.world.resolve(path)).ok();
    let project = read(pyproject).unwrap_or_default();
    let lock = read(&root.join("uv.lock"));
    let dependencies = match uv_lock::editable_dependencies(&project, lock.as_ref()) {
        Ok(dependencies) => dependencies,
        Err(undecided) => return unknown(undecided.0),
    };
    let behaviours = out.world.behaviours();
    if !behaviours.editable_outside_project {
        for dependency in &dependencies {
            let folder = root.join(dependency);
            if folder.relative_to(&root).is_none() {
                let (folder, root) = (Value::Path(folder).repr()?, Value::Path(root).repr()?);
                let message = format!(
                    "Editable dependency paths must be within the project root, this is not supported.Found \
                     resolved_path={folder} outside of project_root={root}."
                );
                return raise("ValueError", message);
            }
        }
    }
    let writable = if behaviours.editable_mounts_writable { ",rw" } else { "" };
    let mut patterns = owned(behaviours.editable_patterns);
    patterns.extend(out.patterns()?);
    let mut mounts = Vec::new();
    for dependency in dependencies {
        let folder = root.join(&dependency);
        let place = out.copy_folder(&folder, &patterns)?;
        let Some(target) = folder.relative_to(&root) else {
            return raise("ValueError", format!("'{folder}' is not in the subpath of '{root}'"));
        };
        mounts.push(format!("--mount=type=bind,src={place},target={target}{writable}"));
    }
    Ok(mounts.join(" "))
}
