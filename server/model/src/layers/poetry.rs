//! `PoetryProject`

use super::{Feed, append_secrets, openable};
use crate::dockerfile::{ACTIVE, Render, UV_RUN};
use crate::error::{Cause, Res, raise_for};
use crate::layer::Layer;
use crate::secret::mount_arguments;
use crate::world::World;

pub(super) fn feed(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    let mut text = String::new();
    super::append_extra_args(layer, &mut text)?;
    append_secrets(layer, &mut text)?;
    to.digest.update(text);
    if layer.dependencies_only()? {
        to.digest.file(&openable(layer.get("poetry_lock"))?, to.world)?;
        return to.digest.file(&openable(layer.get("pyproject"))?, to.world);
    }
    // Unlike uv and pixi projects, no ignore file of the folder's own.
    let folder = layer.get("pyproject").path_for("parent")?.parent();
    to.digest.source(&folder, to.ignore, to.world)
}

pub(super) fn validate(layer: &Layer, world: &World<'_>) -> Res<()> {
    let pyproject = layer.get("pyproject").path_for("exists")?;
    if !world.exists(pyproject) {
        let cause = Cause::MissingPath { path: pyproject.to_string() };
        return raise_for(
            "FileNotFoundError",
            format!("pyproject.toml file {pyproject} does not exist"),
            cause,
        );
    }
    if !world.is_file(pyproject) {
        let cause = Cause::WrongKind { path: pyproject.to_string() };
        return raise_for("ValueError", format!("Pyproject file {pyproject} is not a file"), cause);
    }
    let lock = layer.get("poetry_lock").path_for("exists")?;
    if !world.exists(lock) {
        let cause = Cause::MissingPath { path: lock.to_string() };
        return raise_for("ValueError", format!("poetry.lock file {lock} does not exist"), cause);
    }
    Ok(())
}

pub(super) fn render(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let secrets = mount_arguments(layer.get("secret_mounts"))?;
    let mut extra = String::new();
    super::append_extra_args(layer, &mut extra)?;
    let pyproject = layer.get("pyproject").clone();
    const CACHE: &str = "RUN --mount=type=cache,sharing=locked,mode=0777,target=/tmp/poetry_cache,id=poetry ";
    if layer.dependencies_only()? {
        let pyproject = out.copy_file(pyproject.path_for("exists")?)?;
        let lock = layer.get("poetry_lock").path_for("exists")?.clone();
        let lock = out.copy_file(&lock)?;
        if !extra.contains("--no-root") {
            extra.push_str(" --no-root");
        }
        out.push(&format!(
            "{UV_RUN}   uv pip install poetry\n\nENV POETRY_CACHE_DIR=/tmp/poetry_cache    \
             POETRY_VIRTUALENVS_IN_PROJECT=true\n\n{CACHE}   --mount=type=bind,target=poetry.lock,src={lock}    \
             --mount=type=bind,target=pyproject.toml,src={pyproject}    {secrets}    {ACTIVE} poetry install {extra}\n"
        ));
        return Ok(());
    }
    let folder = pyproject.path_for("parent")?.parent();
    let needed = [("poetry.lock", layer.get("poetry_lock")), ("pyproject.toml", &pyproject)];
    let place = out.copy_project(&folder, &needed)?;
    out.push(&format!(
        "{UV_RUN}   uv pip install poetry\n\nENV POETRY_CACHE_DIR=/tmp/poetry_cache\n\n{CACHE}   \
         --mount=type=bind,target=/root/.flyte/{place},src={place},rw    {secrets}    {ACTIVE} poetry install {extra} \
         -C /root/.flyte/{place}\n"
    ));
    Ok(())
}
