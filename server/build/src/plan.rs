//! What is to be built: worked out completely before any engine is asked.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_model::context::{self, Content};
use image_model::dockerfile;
use image_model::error::{Res, Stop};
use image_model::image::Image;
use image_model::origin::{CallSite, Site};
use image_model::path::PyPath;
use image_model::value::Value;
use image_model::world::World;

use crate::error::{BuildError, Refusal};
use crate::instructions::{self, Instruction, StepName};
use crate::secrets::{self, Wanted};
use crate::surroundings::Surroundings;
use crate::tree::{Holds, Tree};

/// A layer and the lines that it wrote.
#[derive(Debug, Clone)]
pub(crate) struct PlannedLayer {
    pub(crate) lines: RangeInclusive<usize>,
    pub(crate) call: Option<Arc<CallSite>>,
    /// The file that lists what the layer installs.
    pub(crate) file: Option<PathBuf>,
}

/// Fields of layers that name a file which lists what is installed.
const LISTS: [&str; 3] = ["file", "pyproject", "script"];

/// What is to be built.
pub struct Plan {
    /// The address that the image gets. A build on this machine may give it a registry that the code does not.
    pub uri: String,
    /// Whether the address names a registry.
    pub has_registry: bool,
    /// The platforms.
    pub platforms: Vec<String>,
    /// Platforms of the image that are not built.
    pub left_out: Vec<String>,
    /// The Dockerfile, byte for byte.
    pub dockerfile: String,
    /// Whether the release refuses to build an image without a registry.
    pub(crate) needs_registry: bool,
    /// Whether the release hands `FLYTE_DOCKER_BUILD_EXTRA_ARGS` on.
    pub(crate) takes_arguments: bool,
    /// The Dockerfile's own file, where it is the user's.
    pub own_dockerfile: Option<PathBuf>,
    /// The call that began the image.
    pub(crate) origin: Option<Arc<CallSite>>,
    pub(crate) layers: Vec<PlannedLayer>,
    pub(crate) instructions: Vec<Instruction>,
    pub(crate) tree: Tree,
    pub(crate) secrets: Vec<Wanted>,
}

/// What stops a plan, as the errors that tell it.
fn stopped(stop: Stop, image: &Image) -> BuildError {
    match stop {
        Stop::Raise(raised) => BuildError::Refused(vec![Refusal {
            rule: None,
            message: format!("{}: {}", raised.exception, raised.message),
            site: image.origin.as_ref().map(|o| o.site.clone()),
        }]),
        Stop::Unknown(why) => BuildError::Unknown { reason: why.reason.clone(), site: why.site.clone() },
    }
}

impl Plan {
    /// Works out what flyte would build. `platforms` are those to build for in place of the image's own. The files of the
    /// context are `files`; the world's are those that Python code reads.
    ///
    /// # Errors
    /// What flyte raises, and what cannot be known.
    pub fn new(
        image: &Image,
        platforms: &[String],
        world: &World<'_>,
        files: &Arc<dyn FileSystem>,
        around: &Surroundings,
    ) -> Result<Self, BuildError> {
        Self::work_out(image, platforms, world, files, around).map_err(|stop| stopped(stop, image))
    }

    fn work_out(
        image: &Image,
        platforms: &[String],
        world: &World<'_>,
        files: &Arc<dyn FileSystem>,
        around: &Surroundings,
    ) -> Res<Self> {
        let image = &image.for_local_build(world)?;
        let uri = image.uri(world)?;
        let dockerfile = dockerfile::render(image, &Ok(uri.clone()), world)?;
        let own_dockerfile = match &image.dockerfile {
            Value::Path(path) => Some(world.resolve(path)),
            _ => None,
        };
        let tree = match own_dockerfile.as_deref().and_then(Path::parent) {
            Some(folder) => Tree::folder(folder.to_path_buf(), Arc::clone(files), around.now),
            None => {
                let mut all = context::files(&dockerfile.context, world)?;
                all.retain(|(path, _)| path != "Dockerfile");
                all.push(("Dockerfile".to_owned(), Content::Text(dockerfile.text.clone())));
                let resolve = |path: &PyPath| world.resolve(path);
                Tree::made(all, &resolve, Arc::clone(files), around.umask, around.now)
            }
        };
        let layers = image.layers.iter().zip(&dockerfile.layer_lines).filter_map(|(layer, lines)| {
            let file = LISTS.iter().find_map(|field| layer.get(field).path_for("read_text").ok());
            let file = file.map(|path| world.resolve(path));
            Some(PlannedLayer { lines: lines.clone()?, call: layer.site.clone(), file })
        });
        let own: Vec<String> = image.platform.iterate()?.iter().map(Value::str).collect::<Res<_>>()?;
        Ok(Self {
            uri,
            has_registry: image.registry.truthy()?,
            left_out: own
                .iter()
                .filter(|p| !platforms.is_empty() && !platforms.contains(p))
                .cloned()
                .collect(),
            platforms: if platforms.is_empty() { own } else { platforms.to_vec() },
            own_dockerfile,
            origin: image.origin.clone(),
            layers: layers.collect(),
            instructions: instructions::instructions(&dockerfile.text),
            secrets: secrets::wanted(image)?,
            dockerfile: dockerfile.text,
            needs_registry: world.behaviours().local_build_needs_registry,
            takes_arguments: world.behaviours().extra_build_arguments,
            tree,
        })
    }

    /// The image of the frontend that the first line asks for: `# syntax=…`.
    pub(crate) fn frontend(&self) -> Option<&str> {
        let comment = self.dockerfile.lines().next()?.trim().strip_prefix('#')?;
        let (name, value) = comment.split_once('=')?;
        name.trim().eq_ignore_ascii_case("syntax").then(|| value.trim())
    }

    /// The Dockerfile's name in its folder.
    pub(crate) fn file_name(&self) -> String {
        let name = self.own_dockerfile.as_deref().and_then(Path::file_name);
        name.map_or_else(|| "Dockerfile".to_owned(), |n| n.to_string_lossy().into_owned())
    }

    /// The layer that wrote a line.
    pub(crate) fn layer_of_line(&self, line: usize) -> Option<&PlannedLayer> {
        self.layers.iter().find(|l| l.lines.contains(&line))
    }

    /// The instruction that a line belongs to.
    pub(crate) fn text_of_line(&self, line: usize) -> Option<String> {
        let found = self.instructions.iter().find(|i| (i.lines.0..=i.lines.1).contains(&line))?;
        let lines = self.dockerfile.lines().skip(found.lines.0 - 1).take(found.lines.1 + 1 - found.lines.0);
        Some(lines.collect::<Vec<_>>().join("\n"))
    }

    /// The place in the Python source of a line, with the method: that of its layer, else the call that began the image.
    pub(crate) fn place_of_line(&self, line: usize) -> (Option<&'static str>, Option<Site>) {
        let layer = self.layer_of_line(line).and_then(|l| l.call.as_ref());
        match layer.or(self.origin.as_ref()) {
            Some(call) => (Some(call.method), Some(call.site.clone())),
            None => (None, None),
        }
    }

    /// The line of a step.
    pub(crate) fn line_of_step(&self, step: &StepName<'_>) -> Option<usize> {
        instructions::of_step(&self.instructions, step).map(|i| i.lines.0)
    }

    /// The stage that becomes the image.
    pub(crate) fn last_stage(&self) -> &str {
        self.instructions.last().map_or("", |i| &i.stage)
    }

    /// The text of a file as it is built.
    pub(crate) fn read(&self, path: &Path) -> Option<String> {
        self.tree.fs.read_text(path).ok()
    }

    /// Writes the context, with the Dockerfile in it, to a folder.
    ///
    /// # Errors
    /// [`BuildError::Unreadable`] for a file that cannot be read or written.
    pub fn write_context(&self, folder: &Path) -> Result<(usize, u64), BuildError> {
        let (mut files, mut bytes) = (0, 0);
        let failed = |path: &Path, e: &std::io::Error| BuildError::Unreadable {
            path: path.display().to_string(),
            message: e.to_string(),
        };
        std::fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
        for entry in self.tree.entries() {
            let target = folder.join(&entry.path);
            let written = match &entry.holds {
                Holds::Dir => std::fs::create_dir_all(&target),
                Holds::Link(link) => make_link(link, &target),
                holds => self.tree.open(holds).and_then(|mut from| {
                    files += 1;
                    bytes += std::io::copy(&mut from, &mut std::fs::File::create(&target)?)?;
                    set_permissions(&target, entry.permissions)
                }),
            };
            written.map_err(|e| failed(&target, &e))?;
        }
        Ok((files, bytes))
    }
}

#[cfg(unix)]
fn make_link(link: &str, target: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(link, target)
}

#[cfg(not(unix))]
fn make_link(_: &str, _: &Path) -> std::io::Result<()> {
    Err(std::io::Error::from(std::io::ErrorKind::Unsupported))
}

#[cfg(unix)]
fn set_permissions(path: &Path, mode: u32) -> std::io::Result<()> {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn set_permissions(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}
