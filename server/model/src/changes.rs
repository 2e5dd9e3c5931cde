//! What each `with_*` method and `clone` do to an image. Source: flyte 2.12.1, the methods of `_image.py`.

use crate::development;
use crate::error::{Cause, Res, raise_for};
use crate::image::{Changes, Image};
use crate::layer::{Layer, LayerKind};
use crate::methods::Bound;
use crate::path::PyPath;
use crate::value::{Value, attribute_error};
use crate::world::World;

pub(crate) fn clone(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let given = a.value("addl_layer");
    let layer = a.layer("addl_layer").map(|l| a.sited(l));
    if layer.is_none() && !matches!(given, Value::None) {
        return crate::error::unknown("the layer given to clone() is not known");
    }
    let changes = Changes {
        registry: a.value("registry"),
        registry_secret: a.value("registry_secret"),
        name: a.value("name"),
        base_image: a.value("base_image"),
        python_version: a.value("python_version"),
        extendable: a.value("extendable"),
        platform: a.value("platform"),
        layer,
    };
    image.clone_with(changes, world)
}

/// The options that pip layers share, as they are given to the layer.
fn pip_options(a: &Bound) -> [(&'static str, Value); 5] {
    [
        ("index_url", a.value("index_url")),
        ("extra_index_urls", a.value("extra_index_urls").ensure_tuple_or_none()),
        ("pre", a.value("pre")),
        ("extra_args", a.value("extra_args")),
        ("secret_mounts", a.value("secret_mounts").ensure_tuple_or_none()),
    ]
}

fn add(image: &Image, a: &Bound, kind: LayerKind, fields: &[(&str, Value)], world: &World<'_>) -> Res<Image> {
    image.with_layer(a.sited(Layer::new(kind, fields)?), world)
}

pub(crate) fn with_pip_packages(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let packages = match a.value("packages") {
        Value::Tuple(items) if items.is_empty() => Value::None,
        given => given,
    };
    let mut fields = pip_options(a).to_vec();
    fields.push(("packages", packages));
    add(image, a, LayerKind::PipPackages, &fields, world)
}

pub(crate) fn with_requirements(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let file = text_to_path(a.value("file"));
    let path = file.path_for("suffix")?;
    if path.suffix() != ".txt" {
        let message = format!("Requirements file {path} must have a .txt extension");
        return raise_for("ValueError", message, Cause::NotTxt { path: path.to_string() });
    }
    let mut fields = pip_options(a).to_vec();
    fields.push(("file", file));
    add(image, a, LayerKind::Requirements, &fields, world)
}

/// `if isinstance(x, str): x = Path(x)`
fn text_to_path(value: Value) -> Value {
    match value {
        Value::Str(s) => Value::Path(PyPath::new(&s)),
        other => other,
    }
}

fn secrets(a: &Bound) -> Value {
    a.value("secret_mounts").ensure_tuple_or_none()
}

pub(crate) fn with_apt_packages(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let fields = [("packages", a.value("packages")), ("secret_mounts", secrets(a))];
    add(image, a, LayerKind::AptPackages, &fields, world)
}

pub(crate) fn with_commands(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let fields = [("commands", a.value("commands").ensure_tuple()), ("secret_mounts", secrets(a))];
    add(image, a, LayerKind::Commands, &fields, world)
}

pub(crate) fn with_env_vars(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let given = a.value("env_vars");
    let variables = match given.known()? {
        Value::Dict(pairs) => {
            pairs.iter().map(|(k, v)| Value::Tuple([k.clone(), v.clone()].into())).collect()
        }
        other => return attribute_error(other, "items"),
    };
    add(image, a, LayerKind::Env, &[("env_vars", Value::Tuple(variables))], world)
}

pub(crate) fn with_workdir(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    add(image, a, LayerKind::WorkDir, &[("workdir", a.value("workdir"))], world)
}

fn copy_layer(kind: i64, source: &Value, target: &Value, a: &Bound, world: &World<'_>) -> Res<Layer> {
    let source = match source {
        Value::Unknown(_) => source.clone(),
        given if !world.behaviours().source_may_be_text => given.clone(),
        known => Value::Path(known.to_path(world.env.is_python(3, 12))?),
    };
    let fields = [("path_type", Value::Int(kind)), ("src", source), ("dst", target.clone())];
    Ok(a.sited(Layer::new(LayerKind::CopyConfig, &fields)?))
}

pub(crate) fn with_source_folder(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let (source, mut target) = (a.value("src"), a.value("dst"));
    if !a.value("copy_contents_only").truthy()? {
        // flyte asks for the name even where it is then not used: only when dst is ".".
        if matches!(target.known()?, Value::Str(s) if &**s == ".") {
            target = Value::from(format!("./{}", source.path_for("name")?.name()));
        }
    }
    image.with_layer(copy_layer(1, &source, &target, a, world)?, world)
}

/// The files of a list, where the release takes lists.
fn several(source: &Value, world: &World<'_>) -> Res<Option<std::sync::Arc<[Value]>>> {
    Ok(match source.known()? {
        Value::List(files) if world.behaviours().source_file_lists => Some(std::sync::Arc::clone(files)),
        _ => None,
    })
}

pub(crate) fn with_source_file(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let (source, target) = (a.value("src"), a.value("dst"));
    let Some(files) = several(&source, world)? else {
        return image.with_layer(copy_layer(0, &source, &target, a, world)?, world);
    };
    let mut names: Vec<&str> = Vec::new();
    for file in files.iter() {
        names.push(file.path_for("name")?.name());
    }
    let mut twice: Vec<&str> =
        names.iter().filter(|n| names.iter().filter(|m| m == n).count() > 1).copied().collect();
    twice.sort_unstable();
    twice.dedup();
    if !twice.is_empty() {
        let shown: Vec<String> = twice.iter().map(|n| image_manifests::pytext::repr_str(n)).collect();
        let message = format!(
            "Multiple files with the same name would overwrite each other at destination '{}': [{}]",
            target.str()?,
            shown.join(", ")
        );
        return raise_for("ValueError", message, Cause::DuplicateSource);
    }
    let mut changed = image.clone();
    for file in files.iter() {
        changed = changed.with_layer(copy_layer(0, file, &target, a, world)?, world)?;
    }
    Ok(changed)
}

pub(crate) fn with_code_bundle(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let fields = [("copy_style", a.value("copy_style")), ("dst", a.value("dst"))];
    add(image, a, LayerKind::CodeBundleLayer, &fields, world)
}

pub(crate) fn with_dockerignore(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let path = match a.value("path") {
        Value::Unknown(why) => Value::Unknown(why),
        known => Value::from(known.str()?),
    };
    add(image, a, LayerKind::DockerIgnore, &[("path", path)], world)
}

/// `folder / name if it exists else None`
fn sibling(folder: &PyPath, name: &str, world: &World<'_>) -> Value {
    let path = folder.join(name);
    if world.exists(&path) { Value::Path(path) } else { Value::None }
}

pub(crate) fn with_uv_project(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let pyproject = text_to_path(a.value("pyproject_file"));
    let mut lock = a.value("uvlock");
    if lock.is_none() {
        lock = sibling(&pyproject.path_for("parent")?.parent(), "uv.lock", world);
    }
    let mut fields = pip_options(a).to_vec();
    // Here, and only here, flyte passes the extra indexes on as they are.
    fields[1].1 = a.value("extra_index_urls");
    fields.push(("pyproject", pyproject));
    fields.push(("uvlock", lock));
    fields.push(("project_install_mode", a.value("project_install_mode")));
    add(image, a, LayerKind::UVProject, &fields, world)
}

pub(crate) fn with_poetry_project(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let pyproject = text_to_path(a.value("pyproject_file"));
    let given = a.value("poetry_lock");
    let lock = if given.truthy()? {
        given
    } else {
        Value::Path(pyproject.path_for("parent")?.parent().join("poetry.lock"))
    };
    let fields = [
        ("pyproject", pyproject),
        ("poetry_lock", lock),
        ("extra_args", a.value("extra_args")),
        ("secret_mounts", secrets(a)),
        ("project_install_mode", a.value("project_install_mode")),
    ];
    add(image, a, LayerKind::PoetryProject, &fields, world)
}

pub(crate) fn with_pixi_project(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let mut manifest = text_to_path(a.value("manifest_file"));
    let path = manifest.path_for("is_dir")?.clone();
    if world.is_dir(&path) {
        let own = path.join("pixi.toml");
        manifest = Value::Path(if world.exists(&own) { own } else { path.join("pyproject.toml") });
    }
    let mut lock = a.value("pixi_lock");
    if lock.is_none() {
        lock = sibling(&manifest.path_for("parent")?.parent(), "pixi.lock", world);
    }
    let fields = [
        ("manifest", manifest),
        ("pixi_lock", lock),
        ("environment", a.value("environment")),
        ("extra_args", a.value("extra_args")),
        ("secret_mounts", secrets(a)),
        ("project_install_mode", a.value("project_install_mode")),
    ];
    add(image, a, LayerKind::PixiProject, &fields, world)
}

pub(crate) fn with_local_v2(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    development::with_local_v2(image, &|layer| a.sited(layer), world)
}

pub(crate) fn with_local_rs_controller(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    development::with_local_rs_controller(image, &|layer| a.sited(layer), world)
}

pub(crate) fn with_local_v2_plugins(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let given = a.value("plugins");
    let plugins = match given.known()? {
        Value::Str(_) => vec![given],
        other if !other.truthy()? => Vec::new(),
        other => other.iterate()?,
    };
    development::with_local_v2_plugins(image, &plugins, &|layer| a.sited(layer), world)
}
