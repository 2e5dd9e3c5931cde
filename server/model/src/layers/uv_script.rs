//! `UVScript`: a script whose header names what to install.

use image_manifests::legacy_toml::{self, DecodeError, Toml};
use image_manifests::{pytext, script};

use super::{Feed, feed as feed_layer, pip, render as render_layer};
use crate::dockerfile::Render;
use crate::error::{Cause, Raised, Res, Stop, raise, raise_for, unknown};
use crate::layer::{Layer, LayerKind};
use crate::path::PyPath;
use crate::value::Value;
use crate::world::World;

/// What flyte keeps of a header. Source: flyte 2.12.1, `parse_uv_script_file`.
struct Metadata {
    requires_python: String,
    dependencies: Vec<String>,
    projects: Vec<String>,
    tool: String,
}

/// The text of a script as `Path.read_text(encoding="utf-8")` gives it.
pub(super) fn read_script(path: &PyPath, world: &World<'_>) -> Res<String> {
    if !world.is_file(path) {
        let cause = Cause::MissingPath { path: path.to_string() };
        return raise_for("FileNotFoundError", format!("File not found: {path}"), cause);
    }
    let bytes = world.fs.read(&world.resolve(path)).map_err(|e| crate::hash::os_error(&e, path.as_str()))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(pytext::universal_newlines(&text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let byte = error.as_bytes().get(at).copied().unwrap_or_default();
            raise(
                "UnicodeDecodeError",
                format!("'utf-8' codec can't decode byte 0x{byte:02x} in position {at}: invalid start byte"),
            )
        }
    }
}

/// An error of the TOML package, as it leaves flyte.
pub(super) fn toml_error(error: DecodeError, prefix: &str) -> Stop {
    let (exception, message) = match error {
        DecodeError::Toml(message) => ("ValueError", format!("{prefix}: {message}")),
        DecodeError::Raised { exception, message } => (exception, message),
        DecodeError::Unmodelled => {
            let reason = "the script's header is read by an accident of flyte's TOML package".to_owned();
            return Stop::Unknown(std::sync::Arc::new(crate::error::Unknown { reason, site: None }));
        }
    };
    Stop::Raise(Raised { exception, message, cause: Cause::InvalidHeader })
}

/// `value.get(key, {})` of what should be a table.
pub(super) fn section<'a>(value: Option<&'a Toml>, key: &str) -> Res<Option<&'a Toml>> {
    match value {
        None => Ok(None),
        Some(Toml::Table(table)) => Ok(table.get(key)),
        Some(other) => {
            raise("AttributeError", format!("'{}' object has no attribute 'get'", other.python_type()))
        }
    }
}

fn parse(path: &PyPath, world: &World<'_>) -> Res<Metadata> {
    let text = read_script(path, world)?;
    let Some(block) = script::uv_block(&text) else {
        return raise_for("ValueError", "No uv metadata block found", Cause::NoHeader);
    };
    let data = legacy_toml::loads(&block).map_err(|e| toml_error(e, "Invalid TOML in metadata block"))?;
    let differs =
        || unknown("exclude-newer is a TOML date: its text holds an address that differs from run to run");
    let uv = section(data.get("tool"), "uv")?;
    let (mut dependencies, mut projects) = (Vec::new(), Vec::new());
    for dependency in dependency_list(data.get("dependencies"))? {
        match dependency.rsplit_once("file://") {
            Some((_, project)) => projects.push(project.to_owned()),
            None => dependencies.push(dependency),
        }
    }
    let requires_python = match data.get("requires-python") {
        None => "None".to_owned(),
        Some(value) => match value.repr() {
            Some(repr) => repr,
            None => return differs(),
        },
    };
    let tool = match uv.filter(|uv| uv.truthy()) {
        None => "None".to_owned(),
        Some(uv) => match section(Some(uv), "exclude-newer")?.map_or(Some("None".to_owned()), Toml::repr) {
            Some(repr) => format!("{{'uv': ToolUVConfig(exclude_newer={repr})}}"),
            None => return differs(),
        },
    };
    Ok(Metadata { requires_python, dependencies, projects, tool })
}

/// The dependencies as flyte iterates over them: a string falls apart into its characters.
pub(super) fn dependency_list(value: Option<&Toml>) -> Res<Vec<String>> {
    let items: Vec<String> = match value {
        None => Vec::new(),
        Some(Toml::Str(text)) => text.chars().map(String::from).collect(),
        Some(Toml::Table(table)) => table.0.iter().map(|(key, _)| key.clone()).collect(),
        Some(Toml::Array(items)) => {
            let mut texts = Vec::new();
            for item in items {
                match item {
                    Toml::Str(text) => texts.push(text.clone()),
                    Toml::Array(_) | Toml::Table(_) => {
                        return unknown("the script's dependencies are not strings");
                    }
                    other => {
                        let message = format!("argument of type '{}' is not iterable", other.python_type());
                        return raise("TypeError", message);
                    }
                }
            }
            texts
        }
        Some(other) => {
            return raise("TypeError", format!("'{}' object is not iterable", other.python_type()));
        }
    };
    Ok(items)
}

fn repr_list(items: &[String]) -> String {
    let shown: Vec<String> = items.iter().map(|i| pytext::repr_str(i)).collect();
    format!("[{}]", shown.join(", "))
}

/// The `file://` projects of a header as layers.
fn project_layers(metadata: &Metadata, options: &[(&str, Value)], world: &World<'_>) -> Res<Vec<Layer>> {
    metadata
        .projects
        .iter()
        .map(|project| {
            let folder = PyPath::new(project);
            let lock = folder.join("uv.lock");
            let lock = if world.exists(&lock) { Value::Path(lock) } else { Value::None };
            let mut fields = options.to_vec();
            fields.push(("pyproject", Value::Path(folder.join("pyproject.toml"))));
            fields.push(("uvlock", lock));
            fields.push(("project_install_mode", Value::from("install_project")));
            Layer::new(LayerKind::UVProject, &fields)
        })
        .collect()
}

pub(super) fn feed(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    let metadata = parse(layer.get("script").path_for("exists")?, to.world)?;
    to.digest.update(format!(
        "(UVScriptMetadata(requires_python={}, dependencies={}, pyprojects={}, tool={}),)",
        metadata.requires_python,
        repr_list(&metadata.dependencies),
        repr_list(&metadata.projects),
        metadata.tool
    ));
    pip::feed_options(layer, to)?;
    for project in project_layers(&metadata, &[], to.world)? {
        feed_layer(&project, to)?;
    }
    Ok(())
}

pub(super) fn validate(layer: &Layer, world: &World<'_>) -> Res<()> {
    validate_script(layer.get("script").path_for("exists")?, "UV", world)
}

/// The checks that uv and pixi scripts share.
pub(super) fn validate_script(script: &PyPath, word: &str, world: &World<'_>) -> Res<()> {
    if !world.exists(script) {
        let cause = Cause::MissingPath { path: script.to_string() };
        return raise_for("FileNotFoundError", format!("{word} script {script} does not exist"), cause);
    }
    if !world.is_file(script) {
        let cause = Cause::WrongKind { path: script.to_string() };
        return raise_for("ValueError", format!("{word} script {script} is not a file"), cause);
    }
    if script.suffix() != ".py" {
        let cause = Cause::WrongKind { path: script.to_string() };
        return raise_for("ValueError", format!("{word} script {script} must have a .py extension"), cause);
    }
    Ok(())
}

pub(super) fn render(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let metadata = parse(layer.get("script").path_for("exists")?, out.world)?;
    let options = |names: &[&'static str]| -> Vec<(&'static str, Value)> {
        names.iter().map(|name| (*name, layer.get(name).clone())).collect()
    };
    if !metadata.dependencies.is_empty() {
        let packages = metadata.dependencies.iter().map(|d| Value::from(d.as_str())).collect();
        let mut fields = options(&["secret_mounts", "index_url", "extra_args", "pre", "extra_index_urls"]);
        fields.push(("packages", Value::Tuple(packages)));
        render_layer(&Layer::new(LayerKind::PipPackages, &fields)?, out)?;
    }
    if !metadata.projects.is_empty() {
        // git, so that the project's version can be found; the index addresses are not passed on.
        let git = Layer::new(LayerKind::AptPackages, &[("packages", Value::strings(&["git"]))])?;
        render_layer(&git, out)?;
        for project in
            project_layers(&metadata, &options(&["secret_mounts", "pre", "extra_args"]), out.world)?
        {
            render_layer(&project, out)?;
        }
    }
    Ok(())
}
