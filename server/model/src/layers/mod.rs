//! What each kind of layer contributes: bytes to the tag, lines to the Dockerfile, files to the context, and the
//! checks before a build. One file per family.
//!
//! Source: flyte 2.12.1, `update_hash` and `validate` of `_image.py`, and the handlers of `docker_builder.py`.

mod copy;
mod pip;
mod pixi;
mod poetry;
mod simple;
mod uv_project;
mod uv_script;
mod wheels;

use crate::dockerfile::Render;
use crate::error::{Res, raise};
use crate::hash::Digest;
use crate::ignore::Ignore;
use crate::layer::{Layer, LayerKind};
use crate::path::PyPath;
use crate::value::Value;
use crate::world::World;

pub(crate) use pixi::subdirs as pixi_subdirs;

/// What `update_hash` needs.
pub(crate) struct Feed<'a, 'w> {
    pub(crate) digest: &'a mut Digest,
    pub(crate) ignore: Option<&'a Ignore>,
    pub(crate) world: &'a World<'w>,
}

/// `layer.update_hash(hasher, ignore)`
pub(crate) fn feed(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    match layer.kind {
        LayerKind::PipPackages => pip::feed_packages(layer, to),
        LayerKind::Requirements => pip::feed_requirements(layer, to),
        LayerKind::PythonWheels => wheels::feed(layer, to),
        LayerKind::UVProject => uv_project::feed(layer, to),
        LayerKind::PoetryProject => poetry::feed(layer, to),
        LayerKind::PixiProject => pixi::feed_project(layer, to),
        LayerKind::PixiScript => pixi::feed_script(layer, to),
        LayerKind::UVScript => uv_script::feed(layer, to),
        LayerKind::CopyConfig => copy::feed(layer, to),
        LayerKind::CodeBundleLayer => copy::feed_code_bundle(layer, to),
        LayerKind::AptPackages => simple::feed_joined(layer, "packages", to),
        LayerKind::Commands => simple::feed_joined(layer, "commands", to),
        LayerKind::DockerLines => simple::feed_lines(layer, to),
        LayerKind::WorkDir => simple::feed_workdir(layer, to),
        LayerKind::Env => simple::feed_env(layer, to),
        LayerKind::DockerIgnore => simple::feed_dockerignore(layer, to),
    }
}

/// `layer.validate()`
pub(crate) fn validate(layer: &Layer, world: &World<'_>) -> Res<()> {
    match layer.kind {
        LayerKind::UVProject => uv_project::validate(layer, world),
        LayerKind::PoetryProject => poetry::validate(layer, world),
        LayerKind::PixiProject => pixi::validate_project(layer, world),
        LayerKind::PixiScript => pixi::validate_script(layer, world),
        LayerKind::UVScript => uv_script::validate(layer, world),
        LayerKind::CopyConfig => copy::validate(layer, world),
        _ => Ok(()),
    }
}

/// Writes the layer's lines, and notes its files in the context.
pub(crate) fn render(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    match layer.kind {
        LayerKind::PipPackages => pip::render_packages(layer, out),
        LayerKind::Requirements => pip::render_requirements(layer, out),
        LayerKind::PythonWheels => wheels::render(layer, out),
        LayerKind::UVProject => uv_project::render(layer, out),
        LayerKind::PoetryProject => poetry::render(layer, out),
        LayerKind::PixiProject => pixi::render_project(layer, out),
        LayerKind::PixiScript => pixi::render_script(layer, out),
        LayerKind::UVScript => uv_script::render(layer, out),
        LayerKind::CopyConfig => copy::render(layer, out),
        LayerKind::CodeBundleLayer => raise("AssertionError", ""),
        LayerKind::AptPackages => simple::render_apt(layer, out),
        LayerKind::Commands => simple::render_commands(layer, out),
        LayerKind::DockerLines => simple::render_lines(layer, out),
        LayerKind::WorkDir => simple::render_workdir(layer, out),
        LayerKind::Env => simple::render_env(layer, out),
        LayerKind::DockerIgnore => simple::render_dockerignore(layer, out),
    }
}

/// `if secret_mounts: for s in secret_mounts: text += str(s)`
pub(crate) fn append_secrets(layer: &Layer, text: &mut String) -> Res<()> {
    let secrets = layer.get("secret_mounts");
    if secrets.truthy()? {
        for secret in secrets.iterate()? {
            text.push_str(&secret.str()?);
        }
    }
    Ok(())
}

/// `if extra_args: text += extra_args`
pub(crate) fn append_extra_args(layer: &Layer, text: &mut String) -> Res<()> {
    let extra = layer.get("extra_args");
    if extra.truthy()? { extra.append_to(text) } else { Ok(()) }
}

/// A path for `open()`: a path or a string.
pub(crate) fn openable(value: &Value) -> Res<PyPath> {
    match value.known()? {
        Value::Path(p) => Ok(p.clone()),
        Value::Str(s) => Ok(PyPath::new(s)),
        other => raise(
            "TypeError",
            format!("expected str, bytes or os.PathLike object, not {}", other.type_name()),
        ),
    }
}

/// A file or folder that a layer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// The parameter of flyte's method that names it.
    pub parameter: &'static str,
    /// What it is, in words.
    pub what: &'static str,
    /// The path.
    pub path: PyPath,
    /// A folder, not a file.
    pub is_folder: bool,
    /// The suffix or the names that flyte asks for.
    pub form: Form,
}

/// What flyte asks of the name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing.
    Any,
    /// This suffix.
    Suffix(&'static str),
    /// One of these names.
    Names(&'static [&'static str]),
}

/// The files and folders that a layer needs, as far as they are known.
#[must_use]
pub fn needed(layer: &Layer) -> Vec<Needed> {
    let fields: &[(&str, &'static str, &'static str)] = match layer.kind {
        LayerKind::Requirements => &[("file", "file", "requirements file")],
        LayerKind::UVProject => {
            &[("pyproject", "pyproject_file", "pyproject.toml"), ("uvlock", "uvlock", "lock file")]
        }
        LayerKind::PoetryProject => {
            &[("pyproject", "pyproject_file", "pyproject.toml"), ("poetry_lock", "poetry_lock", "lock file")]
        }
        LayerKind::PixiProject => {
            &[("manifest", "manifest_file", "pixi manifest"), ("pixi_lock", "pixi_lock", "lock file")]
        }
        LayerKind::UVScript | LayerKind::PixiScript => &[("script", "script", "script")],
        LayerKind::CopyConfig if *layer.get("path_type") == Value::Int(1) => {
            &[("src", "src", "source folder")]
        }
        LayerKind::CopyConfig => &[("src", "src", "source file")],
        LayerKind::DockerIgnore => &[("path", "path", "ignore file")],
        _ => &[],
    };
    let known = |(field, parameter, what): &(&str, &'static str, &'static str)| {
        let path = match layer.get(field) {
            Value::Path(path) => path.clone(),
            Value::Str(text) => PyPath::new(text),
            _ => return None,
        };
        let form = match *parameter {
            "script" => Form::Suffix(".py"),
            "manifest_file" => Form::Names(&["pixi.toml", "pyproject.toml"]),
            _ => Form::Any,
        };
        Some(Needed { parameter, what, path, is_folder: *what == "source folder", form })
    };
    fields.iter().filter_map(known).collect()
}
