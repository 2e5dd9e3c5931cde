//! `PixiProject` and `PixiScript`: a manifest that pixi installs, given or made from a script's header.

use image_manifests::legacy_toml::{self, Table, Toml};
use image_manifests::{pytext, script};
use sha2::{Digest as _, Sha256};

use super::uv_script::{dependency_list, read_script, section, toml_error, validate_script as validate_file};
use super::{Feed, append_extra_args, append_secrets, openable, uv_project};
use crate::context::{Item, target_of};
use crate::dockerfile::Render;
use crate::error::{Cause, Res, raise, raise_for, unknown};
use crate::hash::os_error;
use crate::layer::Layer;
use crate::path::PyPath;
use crate::secret::mount_arguments;
use crate::value::Value;
use crate::world::{Fact, World};

/// The version of pixi that flyte 2.12.1 installs, and where the project lives in the image.
const PIXI_VERSION: &str = "0.72.2";
const HOME: &str = "/opt/pixi-project";

const SUBDIRS: [(&str, &str); 2] = [("linux/amd64", "linux-64"), ("linux/arm64", "linux-aarch64")];

/// `platforms_for`: the conda names of an image's platforms.
pub(crate) fn subdirs(platform: &Value) -> Res<Value> {
    let mut found = Vec::new();
    for item in platform.iterate()? {
        let subdir = match item.known()? {
            Value::Str(s) => SUBDIRS.iter().find(|(name, _)| **name == **s),
            _ => None,
        };
        match subdir {
            Some((_, subdir)) => found.push(Value::from(*subdir)),
            None => {
                let message = format!(
                    "Cannot build a pixi environment for platform {}: supported platforms are ['linux/amd64', \
                     'linux/arm64'].",
                    item.repr()?
                );
                return raise("ValueError", message);
            }
        }
    }
    Ok(Value::Tuple(found.into()))
}

fn options(layer: &Layer, start: String) -> Res<String> {
    let mut text = start;
    append_extra_args(layer, &mut text)?;
    append_secrets(layer, &mut text)?;
    Ok(text)
}

pub(super) fn feed_project(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    let text = options(layer, layer.get("environment").encode()?.to_owned())?;
    to.digest.update(text);
    if layer.dependencies_only()? {
        if !layer.get("pixi_lock").known()?.is_none() {
            to.digest.file(&openable(layer.get("pixi_lock"))?, to.world)?;
        }
        return to.digest.file(&openable(layer.get("manifest"))?, to.world);
    }
    let folder = layer.get("manifest").path_for("parent")?.parent();
    uv_project::feed_folder(&folder, to)
}

pub(super) fn validate_project(layer: &Layer, world: &World<'_>) -> Res<()> {
    let manifest = layer.get("manifest").path_for("exists")?;
    let missing = |path: &PyPath| Cause::MissingPath { path: path.to_string() };
    let wrong = || Cause::WrongKind { path: manifest.to_string() };
    let shown = world.realpath(manifest);
    if !world.exists(manifest) {
        let message = format!("Pixi manifest file {shown} does not exist");
        return raise_for("FileNotFoundError", message, missing(manifest));
    }
    if !world.is_file(manifest) {
        return raise_for("ValueError", format!("Pixi manifest {shown} is not a file"), wrong());
    }
    if !matches!(manifest.name(), "pixi.toml" | "pyproject.toml") {
        let message = format!(
            "Pixi manifest {shown} must be named 'pixi.toml' or 'pyproject.toml', since pixi only discovers manifests \
             with those names."
        );
        return raise_for("ValueError", message, wrong());
    }
    if !layer.get("pixi_lock").known()?.is_none() {
        let lock = layer.get("pixi_lock").path_for("exists")?;
        if !world.exists(lock) {
            let message = format!("Pixi lock file {} does not exist", world.realpath(lock));
            return raise_for("ValueError", message, missing(lock));
        }
    }
    Ok(())
}

pub(super) fn render_project(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let secrets = mount_arguments(layer.get("secret_mounts"))?;
    let manifest = layer.get("manifest").path_for("exists")?.clone();
    let lock = layer.get("pixi_lock").known()?.clone();
    let args = install_args(layer, !lock.is_none(), out.world)?;
    let copies = if layer.dependencies_only()? {
        let mut copies = format!("COPY {} {HOME}/{}", out.copy_file(&manifest)?, manifest.name());
        if !lock.is_none() {
            let place = out.copy_file(lock.path_for("exists")?)?;
            copies += &format!("\nCOPY {place} {HOME}/pixi.lock");
        }
        copies
    } else {
        let given = Value::Path(manifest.clone());
        let mut needed = vec![(manifest.name(), &given)];
        if !lock.is_none() {
            needed.push(("pixi.lock", &lock));
        }
        let place = out.copy_project(&manifest.parent(), &needed)?;
        format!("COPY {place} {HOME}")
    };
    write(layer, manifest.name(), &copies, &secrets, &args, out)
}

fn install_args(layer: &Layer, has_lock: bool, world: &World<'_>) -> Res<String> {
    let mut extra = String::new();
    append_extra_args(layer, &mut extra)?;
    let mut args = Vec::new();
    let is_frozen = world.behaviours().pixi_frozen_replaces_locked && extra.contains("--frozen");
    if has_lock && !is_frozen {
        args.push("--locked".to_owned());
    }
    if !extra.is_empty() {
        args.push(extra);
    }
    Ok(args.join(" "))
}

fn write(
    layer: &Layer,
    name: &str,
    copies: &str,
    secrets: &str,
    args: &str,
    out: &mut Render<'_, '_>,
) -> Res<()> {
    let environment = layer.get("environment").str()?;
    let prefix = format!("{HOME}/.pixi/envs/{environment}");
    out.push(&format!(
        "COPY --from=ghcr.io/prefix-dev/pixi:{PIXI_VERSION} /usr/local/bin/pixi /usr/local/bin/pixi\n{copies}\n\
         RUN --mount=type=cache,sharing=locked,mode=0777,target=/root/.cache/rattler,id=pixi    {secrets}    pixi \
         install --manifest-path {HOME}/{name}     --environment {environment} {args}\n\n\
         # Make the pixi environment the active runtime: the task entrypoint and any subsequent\n\
         # uv/pip layers resolve into it instead of the original virtualenv.\n\
         ENV VIRTUAL_ENV={prefix}    UV_PYTHON={prefix}/bin/python    PIXI_PROJECT_MANIFEST={HOME}/{name}    \
         PATH={prefix}/bin:$PATH\n"
    ));
    Ok(())
}

/// What flyte keeps of a pixi script's header.
struct Metadata {
    requires_python: Option<Toml>,
    dependencies: Vec<String>,
    pixi: Table,
}

/// Source: flyte 2.12.1, `parse_pixi_script_file`.
fn parse(path: &PyPath, world: &World<'_>) -> Res<Metadata> {
    let text = read_script(path, world)?;
    let Some(block) = script::pixi_block(&text) else {
        let message = format!(
            "No PEP 723 script metadata block found in {path}. A pixi script must declare its dependencies in a \
             `# /// script` ... `# ///` block. See https://pixi.prefix.dev/latest/python/scripts/"
        );
        return raise_for("ValueError", message, Cause::NoHeader);
    };
    let prefix = format!("Invalid TOML in the script metadata block of {path}");
    let data = legacy_toml::loads(&block).map_err(|e| toml_error(e, &prefix))?;
    let pixi = match section(data.get("tool"), "pixi")? {
        None => Table::default(),
        Some(Toml::Table(table)) => table.clone(),
        Some(_) => return unknown("[tool.pixi] of the script is no table"),
    };
    Ok(Metadata {
        requires_python: data.get("requires-python").cloned(),
        dependencies: dependency_list(data.get("dependencies"))?,
        pixi,
    })
}

fn table_of(pixi: &Table, key: &str) -> Res<Table> {
    match pixi.get(key) {
        None => Ok(Table::default()),
        Some(Toml::Table(table)) => Ok(table.clone()),
        Some(_) => unknown(format!("[tool.pixi.{key}] of the script is no table")),
    }
}

/// `render_pixi_manifest`
fn manifest(layer: &Layer, world: &World<'_>) -> Res<String> {
    let metadata = parse(layer.get("script").path_for("exists")?, world)?;
    let mut workspace = table_of(&metadata.pixi, "workspace")?;
    if workspace.get("channels").is_none() {
        workspace.set("channels", Toml::Array(vec![Toml::Str("conda-forge".to_owned())]));
    }
    let platforms = match workspace.get("platforms").filter(|p| p.truthy()) {
        Some(Toml::Array(declared)) => declared.clone(),
        Some(_) => return unknown("the platforms of the script are no list"),
        None => {
            let own = layer.get("platforms").iterate()?;
            own.iter().map(|p| Ok(Toml::Str(p.str()?))).collect::<Res<Vec<_>>>()?
        }
    };
    workspace.set("platforms", Toml::Array(platforms));
    let mut conda = table_of(&metadata.pixi, "dependencies")?;
    if let Some(requires) = metadata.requires_python.filter(Toml::truthy)
        && conda.get("python").is_none()
    {
        conda.set("python", requires);
    }
    let mut pypi = table_of(&metadata.pixi, "pypi-dependencies")?;
    for dependency in &metadata.dependencies {
        let (name, specifier) = pypi_requirement(dependency)?;
        if pypi.get(&name).is_none() {
            pypi.set(&name, specifier);
        }
    }
    let mut document = Table(vec![("workspace".to_owned(), Toml::Table(workspace))]);
    for (key, table) in [("dependencies", conda), ("pypi-dependencies", pypi)] {
        if !table.0.is_empty() {
            document.set(key, Toml::Table(table));
        }
    }
    for (key, value) in &metadata.pixi.0 {
        if !matches!(key.as_str(), "workspace" | "dependencies" | "pypi-dependencies") {
            document.set(key, value.clone());
        }
    }
    let Some(body) = legacy_toml::dumps(&document) else {
        return unknown("the script's [tool.pixi] tables are nested in a way whose layout is not reproduced");
    };
    Ok(format!(
        "# Generated by flyte from the PEP 723 metadata of a pixi script.\n# Edit the script's `# /// script` block \
         rather than this file.\n{body}"
    ))
}

/// One PEP 508 requirement as an entry of `[pypi-dependencies]`.
///
/// Only what is certainly a valid requirement is read; what `packaging` makes of anything else is its own affair.
fn pypi_requirement(requirement: &str) -> Res<(String, Toml)> {
    let odd =
        || unknown(format!("how `packaging` reads {} is not reproduced", pytext::repr_str(requirement)));
    let text = requirement.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let edges = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !edges(name.chars().next()) || !edges(name.chars().last()) {
        return odd();
    }
    let mut rest = rest.trim_start();
    let mut extras: Vec<String> = Vec::new();
    if let Some(inside) = rest.strip_prefix('[') {
        let Some((list, after)) = inside.split_once(']') else { return odd() };
        extras = list.split(',').map(|e| e.trim().to_owned()).filter(|e| !e.is_empty()).collect();
        if !extras.iter().all(|e| e.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))) {
            return odd();
        }
        extras.sort();
        extras.dedup();
        rest = after.trim_start();
    }
    let mut entry = Table::default();
    if let Some(url) = rest.strip_prefix('@') {
        let url = url.trim();
        if url.is_empty() || url.contains(char::is_whitespace) || url.contains(';') {
            return odd();
        }
        match url.strip_prefix("git+") {
            Some(git) => {
                let (git, revision) = git.split_once('@').unwrap_or((git, ""));
                entry.set("git", Toml::Str(git.to_owned()));
                if !revision.is_empty() {
                    entry.set("rev", Toml::Str(revision.to_owned()));
                }
            }
            None => entry.set("url", Toml::Str(url.to_owned())),
        }
    } else {
        if rest.contains(';') {
            let message = format!(
                "Environment markers are not supported in pixi script dependencies: {}. Express platform-conditional \
                 dependencies with a `[tool.pixi.target.<platform>.pypi-dependencies]` table instead.",
                pytext::repr_str(requirement)
            );
            return if specifiers(rest.split(';').next().unwrap_or_default()).is_some() {
                raise_for("ValueError", message, Cause::InvalidDependency)
            } else {
                odd()
            };
        }
        match specifiers(rest) {
            Some(found) if found.is_empty() => entry.set("version", Toml::Str("*".to_owned())),
            Some(found) => entry.set("version", Toml::Str(found.join(","))),
            None => return odd(),
        }
    }
    if !extras.is_empty() {
        entry.set("extras", Toml::Array(extras.into_iter().map(Toml::Str).collect()));
    }
    let value = match entry.0.as_slice() {
        [(key, version)] if key == "version" => version.clone(),
        _ => Toml::Table(entry),
    };
    Ok((name.to_owned(), value))
}

/// Version specifiers, each without spaces, sorted as `packaging` prints them; `None` for anything unusual.
fn specifiers(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let text = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(text);
    let mut found = Vec::new();
    for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let operator = ["~=", "==", "!=", "<=", ">=", "<", ">"].into_iter().find(|o| part.starts_with(o))?;
        let version = part[operator.len()..].trim();
        let plain = version.strip_suffix(".*").filter(|_| matches!(operator, "==" | "!=")).unwrap_or(version);
        let numbers = plain.split('.').all(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
        if !numbers || (operator == "~=" && !plain.contains('.')) {
            return None;
        }
        found.push(format!("{operator}{version}"));
    }
    found.sort();
    found.dedup();
    Some(found)
}

/// The lock that stands beside a script, if there is one.
fn script_lock(script: &PyPath, world: &World<'_>) -> Option<PyPath> {
    let lock = script.parent().join(&format!("{}.pixi.lock", script.name()));
    world.exists(&lock).then_some(lock)
}

pub(super) fn feed_script(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    let mut start = manifest(layer, to.world)?.to_string();
    layer.get("environment").append_to(&mut start)?;
    let text = options(layer, start)?;
    to.digest.update(text);
    match script_lock(layer.get("script").path_for("exists")?, to.world) {
        Some(lock) => to.digest.file(&lock, to.world),
        None => Ok(()),
    }
}

pub(super) fn validate_script(layer: &Layer, world: &World<'_>) -> Res<()> {
    let script = layer.get("script").path_for("exists")?;
    validate_file(script, "Pixi", world)?;
    let workspace = table_of(&parse(script, world)?.pixi, "workspace")?;
    let Some(declared) = workspace.get("platforms").filter(|p| p.truthy()) else { return Ok(()) };
    let Toml::Array(declared) = declared else { return unknown("the platforms of the script are no list") };
    let mut missing = Vec::new();
    for platform in layer.get("platforms").iterate()? {
        let platform = platform.str()?;
        if !declared.iter().any(|d| d.as_str() == Some(&platform)) {
            missing.push(pytext::repr_str(&platform));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let missing = format!("[{}]", missing.join(", "));
    let declared = Toml::Array(declared.clone()).repr().unwrap_or_default();
    raise(
        "ValueError",
        format!(
            "The pixi script declares platforms {declared} under `[tool.pixi.workspace]`, which do not cover {missing}, \
             needed to build this image. Either add {missing} to the script's `platforms`, or restrict the image with \
             `from_pixi_script(..., platform=(...,))`."
        ),
    )
}

pub(super) fn render_script(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let text = manifest(layer, out.world)?;
    let lock = script_lock(layer.get("script").path_for("exists")?, out.world);
    let mut digest = Sha256::new();
    digest.update(&text);
    if let Some(lock) = &lock {
        let bytes = out.world.fs.read(&out.world.resolve(lock)).map_err(|e| os_error(&e, lock.as_str()))?;
        digest.update(bytes);
    }
    let hex: String = digest.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
    out.world.uses(Fact::TempDir);
    let folder = PyPath::new(&out.world.env.temp_dir).join(&format!("flyte-pixi-script-{hex}"));
    let place = target_of(&folder.join("pixi.toml"))?;
    let mut copies = format!("COPY {place} {HOME}/pixi.toml");
    out.context.push(Item::Text { content: text, target: place });
    let args = install_args(layer, lock.is_some(), out.world)?;
    if let Some(lock) = lock {
        let place = target_of(&folder.join("pixi.lock"))?;
        copies += &format!("\nCOPY {place} {HOME}/pixi.lock");
        out.context.push(Item::File { source: lock, target: place });
    }
    let secrets = mount_arguments(layer.get("secret_mounts"))?;
    write(layer, "pixi.toml", &copies, &secrets, &args, out)
}
