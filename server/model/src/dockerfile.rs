//! The Dockerfile that flyte's local builder writes, and the build context that goes with it.
//!
//! flyte's templates are ordinary Python strings in which a backslash at the end of a line joins it with the next,
//! so each instruction is one line with runs of spaces where the breaks were.
//!
//! Source: flyte 2.12.1, `docker_builder.py`.

use std::ops::RangeInclusive;

use image_manifests::ignore_file;

use crate::constructors::CREATE_USER;
use crate::context::{self, Item};
use crate::error::{Res, raise, unknown};
use crate::hash::os_error;
use crate::ignore::Matcher;
use crate::image::Image;
use crate::layer::LayerKind;
use crate::path::PyPath;
use crate::release::{Footer, Header};
use crate::value::Value;
use crate::world::{Fact, World};

/// The start of the RUN lines that install with uv.
pub(crate) const UV_RUN: &str =
    "RUN --mount=type=cache,sharing=locked,mode=0777,target=/root/.cache/uv,id=uv ";
/// Makes uv and poetry install into the image's environment.
pub(crate) const ACTIVE: &str = "VIRTUAL_ENV=${VIRTUAL_ENV-/opt/venv}";

/// A Dockerfile with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dockerfile {
    /// The text, byte for byte.
    pub text: String,
    /// For each layer the lines it wrote, one-based; `None` for a layer that writes nothing.
    pub layer_lines: Vec<Option<RangeInclusive<usize>>>,
    /// What the build sees.
    pub context: Vec<Item>,
}

/// A Dockerfile in the making.
pub(crate) struct Render<'a, 'w> {
    text: String,
    image: &'a Image,
    pub(crate) world: &'a World<'w>,
    pub(crate) context: Vec<Item>,
    patterns: Option<Vec<String>>,
}

impl Render<'_, '_> {
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Copies a single file; ignore files do not apply.
    pub(crate) fn copy_file(&mut self, source: &PyPath) -> Res<String> {
        if self.world.is_dir(source) {
            return self.copy_folder(source, &owned(self.world.behaviours().file_patterns));
        }
        let target = context::place(source, self.world)?;
        self.context.push(Item::File { source: source.clone(), target: target.clone() });
        Ok(target)
    }

    /// Copies a folder, without what the patterns exclude.
    pub(crate) fn copy_folder(&mut self, source: &PyPath, patterns: &[String]) -> Res<String> {
        let target = context::place(source, self.world)?;
        if self.world.is_dir(source) {
            let always = owned(self.world.behaviours().always_ignored);
            self.add_folder(source, target.clone(), &[patterns, &always].concat());
        } else {
            self.context.push(Item::File { source: source.clone(), target: target.clone() });
        }
        Ok(target)
    }

    pub(crate) fn add_folder(&mut self, source: &PyPath, target: String, patterns: &[String]) {
        self.context.push(Item::Folder { source: source.clone(), target, patterns: patterns.to_vec() });
    }

    /// Copies a project's folder, and the named files again where an ignore file kept them out.
    pub(crate) fn copy_project(&mut self, folder: &PyPath, needed: &[(&str, &Value)]) -> Res<String> {
        let patterns = self.patterns()?;
        let target = self.copy_folder(folder, &patterns)?;
        let matcher = Matcher::new(&patterns)?;
        for (name, given) in needed {
            if self.world.is_file(&folder.join(name)) && !matcher.excludes(name) {
                continue;
            }
            if self.is_left_empty(&target)? {
                return unknown(format!(
                    "the ignore file leaves nothing of {folder}: where its project files end up in the context is an accident"
                ));
            }
            let source = crate::layers::openable(given)?;
            if let Err(error) = self.world.fs.open(&self.world.resolve(&source)) {
                return Err(os_error(&error, source.as_str()));
            }
            let place = PyPath::new(&target).join(source.name()).to_string();
            self.context.push(Item::File { source, target: place });
        }
        Ok(target)
    }

    /// Whether no file has come to a folder of the context so far: then the folder itself is not there.
    fn is_left_empty(&self, target: &str) -> Res<bool> {
        let files = context::files(&self.context, self.world)?;
        let target = PyPath::new(target);
        Ok(!files.iter().any(|(path, _)| PyPath::new(path).relative_to(&target).is_some()))
    }

    /// The patterns of the image's ignore file. Source: `get_and_list_dockerignore`.
    pub(crate) fn patterns(&mut self) -> Res<Vec<String>> {
        if let Some(patterns) = &self.patterns {
            return Ok(patterns.clone());
        }
        let own = self.image.dockerignore()?;
        let is_own = own.is_some();
        let file =
            own.or_else(|| self.world.env.root_dir.as_ref().map(|r| PyPath::new(r).join(".dockerignore")));
        let text = match file {
            Some(file) if self.world.is_file(&file) => {
                if !is_own {
                    self.world.uses(Fact::RootDir);
                }
                self.world.fs.read_text(&self.world.resolve(&file)).unwrap_or_default()
            }
            _ => String::new(),
        };
        let patterns = ignore_file::patterns(&text);
        self.patterns = Some(patterns.clone());
        Ok(patterns)
    }
}

/// Renders an image's Dockerfile, in which its address stands. For an image from a Dockerfile of its own, that file's
/// text.
///
/// # Errors
/// flyte's errors of the build stage, layers first, then those of the tag.
pub fn render(image: &Image, uri: &Res<String>, world: &World<'_>) -> Res<Dockerfile> {
    if image.dockerfile.truthy()? {
        return own_dockerfile(image, world);
    }
    let mut out = Render { text: String::new(), image, world, context: Vec::new(), patterns: None };
    let header = header(image, world)?;
    out.push(&header);
    // The ignore file is read before any layer.
    out.patterns()?;
    let mut layer_lines = Vec::with_capacity(image.layers.len());
    let mut lines = header.matches('\n').count();
    let mut done = header.len();
    for layer in &image.layers {
        crate::layers::render(layer, &mut out)?;
        let written = &out.text[done..];
        let first = lines + 1 + written.len().saturating_sub(written.trim_start_matches('\n').len());
        lines += written.matches('\n').count();
        layer_lines.push((!written.is_empty()).then_some(first..=lines));
        done = out.text.len();
    }
    const USER: &str = "USER flyte\nWORKDIR /home/flyte\n";
    let (before, after) = match world.behaviours().footer {
        Footer::Root => ("", "WORKDIR /root\n"),
        Footer::User => ("", USER),
        Footer::UserIfCreated if creates_user(image)? => (USER, ""),
        Footer::UserIfCreated => ("", ""),
    };
    let uri = uri.as_ref().map_err(Clone::clone)?;
    out.push(&format!("{before}ENV _F_IMG_ID={uri}\n{after}SHELL [\"/bin/bash\", \"-c\"]\n"));
    Ok(Dockerfile { text: out.text, layer_lines, context: out.context })
}

/// flyte builds such an image with the file's own folder as the context.
fn own_dockerfile(image: &Image, world: &World<'_>) -> Res<Dockerfile> {
    let file = image.dockerfile.path_for("parent")?;
    let bytes = world.fs.read(&world.resolve(file)).map_err(|e| os_error(&e, file.as_str()))?;
    let Ok(text) = String::from_utf8(bytes) else {
        return unknown(format!("{file} is not UTF-8 text"));
    };
    let folder = world.absolute(&file.parent());
    let context = vec![Item::Folder { source: folder, target: ".".to_owned(), patterns: Vec::new() }];
    Ok(Dockerfile { text, layer_lines: Vec::new(), context })
}

fn creates_user(image: &Image) -> Res<bool> {
    for layer in &image.layers {
        if layer.kind == LayerKind::Commands {
            let commands = layer.get("commands").iterate()?;
            if commands.iter().any(|c| matches!(c, Value::Str(s) if &**s == CREATE_USER)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn header(image: &Image, world: &World<'_>) -> Res<String> {
    if image.python_is_default {
        world.uses(Fact::PythonVersion);
    }
    let base = image.base_image.str()?;
    let python = dotted_version(&image.python_version)?;
    let behaviours = world.behaviours();
    let uv = behaviours.header_uv;
    let environment = virtual_environment(behaviours.header, &python);
    Ok(format!(
        "# syntax=docker/dockerfile:1.10\n\
         FROM ghcr.io/astral-sh/uv:{uv} AS uv\n\
         FROM {base}\n\n\n\
         USER root\n\n\n\
         # Copy in uv so that later commands don't have to mount it in\n\
         COPY --from=uv /uv /usr/bin/uv\n\n\n\
         {environment}\n\n\
         # Adds nvidia just in case it exists\n\
         ENV PATH=\"$PATH:/usr/local/nvidia/bin:/usr/local/cuda/bin\"    LD_LIBRARY_PATH=\"/usr/local/nvidia/lib64\"\n"
    ))
}

/// The lines that make the virtual environment.
fn virtual_environment(header: Header, python: &str) -> String {
    let create = format!(
        "uv venv $VIRTUALENV --python={python} && uv run --python=$UV_PYTHON python -m compileall $VIRTUALENV"
    );
    match header {
        Header::Venv => format!(
            "# Configure default envs\n\
             ENV UV_COMPILE_BYTECODE=1    UV_LINK_MODE=copy    VIRTUALENV=/opt/venv    \
             UV_PYTHON=/opt/venv/bin/python    PATH=\"/opt/venv/bin:$PATH\"\n\n\n\
             # Create a virtualenv with the user specified python version\n\
             RUN {create}\n"
        ),
        Header::KeepUvPython => format!(
            "# Capture any existing UV_PYTHON from the base image\n\
             ARG _EXISTING_UV_PYTHON=${{UV_PYTHON}}\n\n\n\
             # Configure default envs (preserve base image values if set)\n\
             ENV UV_COMPILE_BYTECODE=1    UV_LINK_MODE=copy    VIRTUALENV=${{VIRTUALENV:-/opt/venv}}    \
             UV_PYTHON=${{UV_PYTHON:-/opt/venv/bin/python}}\n\n\n\
             # Create a virtualenv only if the base image doesn't already have one\n\
             RUN if [ -z \"${{_EXISTING_UV_PYTHON}}\" ]; then        {create};    fi\n\n\
             # Add /opt/venv/bin to PATH only when we created the venv (no existing UV_PYTHON)\n\
             ENV PATH=\"${{_EXISTING_UV_PYTHON:+$PATH}}${{_EXISTING_UV_PYTHON:-/opt/venv/bin:$PATH}}\"\n"
        ),
        Header::BuildArguments => format!(
            "# Configure default paths (can be overridden via --build-arg)\n\
             ARG VIRTUALENV=/opt/venv\n\
             ARG UV_PYTHON=$VIRTUALENV/bin/python\n\n\n\
             ENV UV_COMPILE_BYTECODE=1    UV_LINK_MODE=copy    VIRTUALENV=$VIRTUALENV    UV_PYTHON=$UV_PYTHON\n\n\n\
             # Create virtualenv only if UV_PYTHON doesn't already exist\n\
             RUN if [ ! -f \"$UV_PYTHON\" ]; then        {create};    fi\n\n\
             ENV PATH=\"$VIRTUALENV/bin:$PATH\"\n"
        ),
    }
}

/// Patterns as the context keeps them.
pub(crate) fn owned(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|p| (*p).to_owned()).collect()
}

/// `f"{version[0]}.{version[1]}"`
pub(crate) fn dotted_version(version: &Value) -> Res<String> {
    Ok(format!("{}.{}", index(version, 0)?.str()?, index(version, 1)?.str()?))
}

/// `value[i]` for the first two items.
fn index(value: &Value, i: usize) -> Res<Value> {
    let kind = value.known()?.type_name();
    match value {
        Value::Str(_) | Value::Tuple(_) | Value::List(_) | Value::Bytes(_) => match value.iterate()?.get(i) {
            Some(item) => Ok(item.clone()),
            None if kind == "bytes" => raise("IndexError", "index out of range"),
            None => raise(
                "IndexError",
                format!("{} index out of range", if kind == "str" { "string" } else { kind }),
            ),
        },
        Value::Dict(pairs) => {
            match pairs.iter().find(|(k, _)| matches!(k, Value::Int(n) if *n == i64::from(i != 0))) {
                Some((_, item)) => Ok(item.clone()),
                None => raise("KeyError", i.to_string()),
            }
        }
        _ => raise("TypeError", format!("'{kind}' object is not subscriptable")),
    }
}
