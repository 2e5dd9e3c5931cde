//! `PythonWheels`: wheels from a folder on the developer's machine (flyte's own development).

use super::{Feed, pip};
use crate::dockerfile::Render;
use crate::error::{Res, unknown};
use crate::hash::os_error;
use crate::layer::Layer;
use crate::secret::mount_arguments;

pub(super) fn feed(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    pip::feed_options(layer, to)?;
    let folder = layer.get("wheel_dir").path_for("glob")?;
    // `Path.glob` yields names in the order of the operating system, and nothing for a folder that is not there.
    let Ok(entries) = to.world.fs.read_dir(&to.world.resolve(folder)) else { return Ok(()) };
    for entry in entries {
        let Some(name) = entry.name else {
            return unknown(format!("{folder} holds a name that is not UTF-8"));
        };
        if name.ends_with(".whl") {
            let wheel = folder.join(&name);
            if to.world.is_file(&wheel) {
                to.digest.file(&wheel, to.world)?;
            }
        }
    }
    Ok(())
}

pub(super) fn render(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    let folder = layer.get("wheel_dir").path_for("name")?.clone();
    if let Err(error) = out.world.fs.read_dir(&out.world.resolve(&folder)) {
        return Err(os_error(&error, folder.as_str()));
    }
    out.add_folder(&folder, "dist".to_owned(), &[]);
    let args = pip::install_args(layer)?;
    let secrets = mount_arguments(layer.get("secret_mounts"))?;
    let package = layer.get("package_name").str()?;
    let behaviours = out.world.behaviours();
    let exact = ["--find-links", "/dist", "--no-deps", "--no-index", "--reinstall"];
    let from_dist = if behaviours.wheels_dependencies_from_dist { &exact[..2] } else { &[] };
    let mut steps = [from_dist, &exact];
    if !behaviours.wheels_dependencies_first {
        steps.reverse();
    }
    for step in steps {
        let all: Vec<&str> =
            args.iter().map(String::as_str).chain(step.iter().copied()).chain([&*package]).collect();
        out.push(&format!(
            "RUN --mount=type=cache,sharing=locked,mode=0777,target=/root/.cache/uv,id=wheel    \
             --mount=source=/dist,target=/dist,type=bind    {secrets}    uv pip install --python $UV_PYTHON {}\n",
            all.join(" ")
        ));
    }
    Ok(())
}
