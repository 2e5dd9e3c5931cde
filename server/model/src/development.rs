//! Wheels from the developer's machine, and the default image of a development install of flyte.
//!
//! Source: flyte 2.12.1, `with_local_v2` and its siblings and `_get_default_image_for` of `_image.py`.

use crate::error::{Res, raise};
use crate::image::Image;
use crate::layer::{Layer, LayerKind};
use crate::path::PyPath;
use crate::release::{DevelopmentFallback, Version};
use crate::value::{Value, attribute_error};
use crate::world::{Fact, World};

/// Gives a layer the place of the call that adds it.
type Sited<'a> = &'a dyn Fn(Layer) -> Layer;

/// Where local wheels lie.
const WHEELS: &str = "dist";
/// Where the wheel of the Rust controller lies.
const CONTROLLER_WHEELS: &str = "rs_controller/dist";

/// `DIST_FOLDER` and its sibling: folders beside the one that flyte is installed in.
///
/// # Errors
/// Unknown where flyte is not installed.
pub fn wheel_folder(name: &str, world: &World<'_>) -> Res<PyPath> {
    world.uses(Fact::InstallDir);
    match &world.env.site_packages {
        Some(site) => Ok(PyPath::new(site).parent().join(name)),
        None => crate::error::unknown("the wheels lie beside the installed flyte, and none was found"),
    }
}

fn wheels(folder: &PyPath, package: &str, pre: bool) -> Res<Layer> {
    let mut fields = vec![("wheel_dir", Value::Path(folder.clone())), ("package_name", Value::from(package))];
    if pre {
        fields.push(("pre", Value::Bool(true)));
    }
    Layer::new(LayerKind::PythonWheels, &fields)
}

pub(crate) fn with_local_v2(image: &Image, sited: Sited<'_>, world: &World<'_>) -> Res<Image> {
    let folder = wheel_folder(WHEELS, world)?;
    let flyte = wheels(&folder, "flyte", world.behaviours().wheels_pre)?;
    let changed = image.with_layer(sited(flyte), world)?;
    if !world.behaviours().idl_wheels {
        return Ok(changed);
    }
    let entries = world.fs.read_dir(&world.resolve(&folder)).unwrap_or_default();
    let mut wheels_of_idl: Vec<String> = entries
        .into_iter()
        .filter_map(|e| e.name)
        .filter(|n| n.starts_with("flyteidl2-") && n.ends_with(".whl"))
        .collect();
    wheels_of_idl.sort();
    match wheels_of_idl.len() {
        0 => Ok(changed),
        1 => changed.with_layer(sited(wheels(&folder, "flyteidl2", false)?), world),
        _ => {
            let names: Vec<String> =
                wheels_of_idl.iter().map(|n| image_manifests::pytext::repr_str(n)).collect();
            let names = names.join(", ");
            let message = format!(
                "More than one flyteidl2 wheel in dist/, and the dev image would bake whichever one wins: [{names}]. Keep \
                 exactly one."
            );
            raise("ValueError", message)
        }
    }
}

pub(crate) fn with_local_rs_controller(image: &Image, sited: Sited<'_>, world: &World<'_>) -> Res<Image> {
    let folder = wheel_folder(CONTROLLER_WHEELS, world)?;
    image.with_layer(sited(wheels(&folder, "flyte_controller_base", false)?), world)
}

pub(crate) fn with_local_v2_plugins(
    image: &Image,
    plugins: &[Value],
    sited: Sited<'_>,
    world: &World<'_>,
) -> Res<Image> {
    let mut changed = image.clone();
    for plugin in plugins {
        let Value::Str(name) = plugin.known()? else { return attribute_error(plugin, "startswith") };
        if !name.starts_with("flyteplugins-") {
            return raise("ValueError", format!("Plugin {name} must start with 'flyteplugins-'"));
        }
        let folder = wheel_folder(WHEELS, world)?;
        let layer = wheels(&folder, &name.replace('-', "_"), false)?;
        changed = changed.with_layer(sited(layer), world)?;
    }
    Ok(changed)
}

/// What a development install adds to its default image, so that flyte itself comes into it.
pub(crate) fn with_own_flyte(image: &Image, world: &World<'_>) -> Res<Image> {
    let behaviours = world.behaviours();
    let as_is: Sited<'_> = &|layer| layer;
    let is_there = |name: &str| -> Res<bool> { Ok(world.exists(&wheel_folder(name, world)?)) };
    let released = |image: &Image, package: &str| -> Res<Image> {
        let version = Version::of(&world.env.release.version).unwrap_or_default();
        let packages = Value::strings(&[format!("{package}<{}", version.base()).as_str()]);
        image.with_layer(Layer::new(LayerKind::PipPackages, &[("packages", packages)])?, world)
    };
    let has_fallback = behaviours.development_fallback == DevelopmentFallback::Released;
    let has_wheels = is_there(WHEELS)?;
    let mut image = image.clone();
    if has_wheels {
        image = with_local_v2(&image, as_is, world)?;
        let plugins = world.env.local_plugins.as_deref().filter(|_| behaviours.development_plugins);
        let names = plugins.unwrap_or_default().split(',').map(image_manifests::pytext::strip);
        let names: Vec<Value> = names.filter(|n| !n.is_empty()).map(Value::from).collect();
        image = with_local_v2_plugins(&image, &names, as_is, world)?;
    } else if has_fallback {
        image = released(&image, "flyte")?;
    }
    let wants_controller = world.env.rust_controller.as_deref().map(str::to_lowercase);
    let wants_controller = matches!(wants_controller.as_deref(), Some("1" | "true" | "yes"));
    if behaviours.development_controller && wants_controller && (has_wheels || has_fallback) {
        if is_there(CONTROLLER_WHEELS)? {
            image = with_local_rs_controller(&image, as_is, world)?;
        } else if has_fallback {
            image = released(&image, "flyte_controller_base")?;
        }
    }
    Ok(image)
}
