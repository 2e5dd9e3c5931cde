//! The image: `flyte.Image` with its layers, its tag and its address.

use std::sync::Arc;

use crate::error::{Cause, Res, Stop, Unknown, raise, raise_for};
use crate::hash::Digest;
use crate::ignore::Ignore;
use crate::layer::{Layer, LayerKind};
use crate::layers::{self, Feed};
use crate::origin::CallSite;
use crate::path::PyPath;
use crate::release::Address;
use crate::secret::Secret;
use crate::value::Value;
use crate::world::{Fact, Facts, World};

/// A `flyte.Image`. Source: flyte 2.12.1, the dataclass of `_image.py`.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// `base_image`
    pub base_image: Value,
    /// `dockerfile`
    pub dockerfile: Value,
    /// `registry`
    pub registry: Value,
    /// `name`
    pub name: Value,
    /// `platform`
    pub platform: Value,
    /// `python_version`
    pub python_version: Value,
    /// `extendable`
    pub extendable: Value,
    /// `_is_cloned`: whether anything was changed, so that the image needs building.
    pub cloned: bool,
    /// `_ref_name`
    pub ref_name: Value,
    /// `_layers`
    pub layers: Vec<Arc<Layer>>,
    /// `_tag`: a fixed tag, until the next change.
    pub tag: Option<String>,
    /// `_image_registry_secret`
    pub registry_secret: Value,
    /// The Python version is that of the interpreter, not of the code.
    pub python_is_default: bool,
    /// The registry is the configured one, not one of the code.
    pub registry_is_configured: bool,
    /// Facts that the definition used.
    pub used: Facts,
    /// The call that began the chain.
    pub origin: Option<Arc<CallSite>>,
    /// All calls that made it, in order.
    pub calls: Vec<Arc<CallSite>>,
    /// It stands for an image that exists: its address is the base.
    pub existing: bool,
    /// Why nothing more is known: the image is only a place holder.
    pub opaque: Option<Arc<Unknown>>,
}

/// The arguments of `Image.clone`. `Value::None` where they are absent.
#[derive(Debug, Clone)]
pub struct Changes {
    /// `registry`
    pub registry: Value,
    /// `registry_secret`
    pub registry_secret: Value,
    /// `name`
    pub name: Value,
    /// `base_image`
    pub base_image: Value,
    /// `python_version`
    pub python_version: Value,
    /// `extendable`
    pub extendable: Value,
    /// `platform`
    pub platform: Value,
    /// `addl_layer`
    pub layer: Option<Layer>,
}

impl Default for Changes {
    fn default() -> Self {
        let none = || Value::None;
        Self {
            registry: none(),
            registry_secret: none(),
            name: none(),
            base_image: none(),
            python_version: none(),
            extendable: none(),
            platform: none(),
            layer: None,
        }
    }
}

impl Image {
    /// `Image._new()`: nothing but the defaults of the dataclass.
    #[must_use]
    pub fn empty(world: &World<'_>) -> Self {
        let python_version = match world.env.python_version {
            Some((major, minor)) => Value::Tuple([Value::Int(major.into()), Value::Int(minor.into())].into()),
            None => {
                Value::unknown("the image takes the Python that runs the file, and no interpreter was found")
            }
        };
        Self {
            base_image: Value::None,
            dockerfile: Value::None,
            registry: Value::None,
            name: Value::None,
            platform: Value::strings(&["linux/amd64"]),
            python_version,
            extendable: Value::Bool(false),
            cloned: false,
            ref_name: Value::None,
            layers: Vec::new(),
            tag: None,
            registry_secret: Value::None,
            python_is_default: true,
            registry_is_configured: false,
            used: Facts::default(),
            origin: None,
            calls: Vec::new(),
            existing: false,
            opaque: None,
        }
    }

    /// An image of which only is known that it is one.
    #[must_use]
    pub fn opaque(why: Arc<Unknown>, world: &World<'_>) -> Self {
        let unknown = || Value::Unknown(Arc::clone(&why));
        Self {
            base_image: unknown(),
            dockerfile: unknown(),
            registry: unknown(),
            name: unknown(),
            platform: unknown(),
            python_version: unknown(),
            extendable: unknown(),
            cloned: true,
            opaque: Some(why),
            ..Self::empty(world)
        }
    }

    /// `image.clone(…)`, with its checks in flyte's order.
    ///
    /// # Errors
    /// flyte's ValueErrors for a layer on an image that takes none.
    pub fn clone_with(&self, changes: Changes, world: &World<'_>) -> Res<Self> {
        if self.opaque.is_some() {
            let mut image = self.clone();
            image.layers.extend(changes.layer.map(Arc::new));
            return Ok(image);
        }
        if changes.layer.is_some() {
            if world.behaviours().needs_extendable && !self.extendable.truthy()? {
                return raise_for(
                    "ValueError",
                    "Cannot add additional layers to a non-extendable image. Please create the image with \
                     extendable=True in the clone() call.",
                    if self.dockerfile.truthy()? { Cause::FromDockerfile } else { Cause::NotExtendable },
                );
            }
            if self.dockerfile.truthy()? {
                return raise_for(
                    "ValueError",
                    "Flyte current cannot add additional layers to a Dockerfile-based Image. Please amend the \
                     dockerfile directly.",
                    Cause::FromDockerfile,
                );
            }
        }
        let registry_is_configured = self.registry_is_configured && !changes.registry.truthy()?;
        let registry = changes.registry.or(&self.registry)?;
        let name = changes.name.or(&self.name)?;
        let registry_secret = changes.registry_secret.or(&self.registry_secret)?;
        let base_image = changes.base_image.or(&self.base_image)?;
        if let Some(layer) = &changes.layer
            && !name.truthy()?
        {
            let message = format!(
                "Cannot add additional layer {} to an image without name. Please first clone().",
                layer.repr()?
            );
            return raise_for("ValueError", message, Cause::Nameless);
        }
        let registry_secret = match registry_secret {
            Value::Str(_) => Value::Secret(Arc::new(Secret::of(&registry_secret)?)),
            other => other,
        };
        let mut layers = self.layers.clone();
        layers.extend(changes.layer.map(Arc::new));
        let platform = changes.platform.ensure_tuple_or_none();
        Ok(Self {
            base_image,
            registry,
            name,
            registry_secret,
            layers,
            registry_is_configured,
            platform: if platform.is_none() { self.platform.clone() } else { platform },
            python_is_default: self.python_is_default && !changes.python_version.truthy()?,
            python_version: changes.python_version.or(&self.python_version)?,
            extendable: if changes.extendable.is_none() {
                self.extendable.clone()
            } else {
                changes.extendable
            },
            cloned: true,
            tag: None,
            ..self.clone()
        })
    }

    /// The image with one more layer.
    ///
    /// # Errors
    /// As [`Image::clone_with`].
    pub fn with_layer(&self, layer: Layer, world: &World<'_>) -> Res<Self> {
        self.clone_with(Changes { layer: Some(layer), ..Changes::default() }, world)
    }

    /// The path of the last `DockerIgnore` layer that names one.
    ///
    /// # Errors
    /// Where it is not known.
    pub fn dockerignore(&self) -> Res<Option<PyPath>> {
        let mut found = None;
        for layer in self.layers.iter().filter(|l| l.kind == LayerKind::DockerIgnore) {
            let path = layer.get("path").str()?;
            if !image_manifests::pytext::strip(&path).is_empty() {
                found = Some(PyPath::new(&path));
            }
        }
        Ok(found)
    }

    /// What the hash leaves out.
    fn ignore(&self, world: &World<'_>) -> Res<Option<Ignore>> {
        if !world.behaviours().ignore_file_in_tag {
            return Ok(None);
        }
        let file = match self.dockerignore()? {
            Some(path) => path,
            None => match &world.env.root_dir {
                Some(root) if !root.is_empty() => PyPath::new(root).join(".dockerignore"),
                _ => return Ok(None),
            },
        };
        if !world.is_file(&file) {
            return Ok(None);
        }
        if self.dockerignore()?.is_none() && self.layers.iter().any(|l| l.kind == LayerKind::CopyConfig) {
            world.uses(Fact::RootDir);
        }
        // The patterns are those of PARENT/.dockerignore, whatever the file is called.
        Ignore::read(&file.parent(), world).map(Some)
    }

    /// Whether the tag depends on the order in which the file system lists the folders of a layer's source: with
    /// several sub-folders in one folder it does, and another machine may list them otherwise.
    #[must_use]
    pub fn depends_on_order(&self, layer: &Layer, world: &World<'_>) -> bool {
        let source = match layer.kind {
            LayerKind::CopyConfig => layer.get("src").path_for("is_dir").ok().cloned(),
            LayerKind::UVProject | LayerKind::PoetryProject if layer.dependencies_only() == Ok(false) => {
                layer.get("pyproject").path_for("parent").ok().map(PyPath::parent)
            }
            _ => None,
        };
        let Some(source) = source.filter(|s| world.is_dir(s)) else { return false };
        let ignore = match self.ignore(world) {
            Ok(Some(ignore)) => Some(ignore),
            _ if layer.kind != LayerKind::PoetryProject && world.behaviours().ignore_file_in_tag => {
                Ignore::read(&source, world).ok()
            }
            _ => None,
        };
        world.env.folders.get().has_several_folders(&source, ignore.as_ref(), world)
    }

    /// The tag after each layer: the last one is the image's own. `image._get_hash_digest()`
    ///
    /// # Errors
    /// flyte's errors of the hash stage.
    pub fn digests(&self, world: &World<'_>) -> Result<Vec<String>, (Vec<String>, Stop)> {
        let mut tags = Vec::with_capacity(self.layers.len() + 1);
        match self.digests_into(world, &mut tags) {
            Ok(()) => Ok(tags),
            Err(stop) => Err((tags, stop)),
        }
    }

    fn digests_into(&self, world: &World<'_>, tags: &mut Vec<String>) -> Res<()> {
        if let Some(why) = &self.opaque {
            return Err(Stop::Unknown(Arc::clone(why)));
        }
        let ignore = self.ignore(world)?;
        let mut digest = Digest::default();
        if self.base_image.truthy()? {
            digest.update(self.base_image.encode()?);
        }
        if self.dockerfile.truthy()? {
            digest.file(&layers::openable(&self.dockerfile)?, world)?;
        }
        tags.push(digest.hex());
        for layer in &self.layers {
            layers::feed(layer, &mut Feed { digest: &mut digest, ignore: ignore.as_ref(), world })?;
            tags.push(digest.hex());
        }
        Ok(())
    }

    /// `image._final_tag`: the fixed tag, or the digest.
    fn final_tag(&self, digest: impl FnOnce() -> Res<String>) -> Res<String> {
        self.tag.clone().map_or_else(digest, Ok)
    }

    /// `image.uri`
    ///
    /// # Errors
    /// flyte's errors of the hash stage, then those for an image without base or name.
    pub fn uri(&self, world: &World<'_>) -> Res<String> {
        let digest = || match self.digests(world) {
            Ok(tags) => Ok(tags.last().cloned().unwrap_or_default()),
            Err((_, stop)) => Err(stop),
        };
        self.uri_with(digest, world)
    }

    /// The same, with a digest that is known already.
    ///
    /// # Errors
    /// As [`Image::uri`]; the digest's own.
    pub fn uri_with(&self, digest: impl FnOnce() -> Res<String>, world: &World<'_>) -> Res<String> {
        if let Some(why) = &self.opaque {
            return Err(Stop::Unknown(Arc::clone(why)));
        }
        let address = world.behaviours().address;
        if self.existing {
            return self.base_image.str();
        }
        if address == Address::ByParts {
            return self.uri_by_parts(digest, world);
        }
        let advises = address == Address::ByChangeWithAdvice;
        if !self.cloned {
            if advises && !self.base_image.truthy()? {
                let message = format!(
                    "Image has no base image URI (got {}). This usually means `Image.from_base()` was given `None` or \
                     an empty string, for example from an unset environment variable. Pass a full image URI such as \
                     `<registry>/<name>:<tag>`.",
                    self.base_image.repr()?
                );
                return raise("ImageBuildError", message);
            }
            if self.base_image.known()?.is_none() {
                return raise("AssertionError", "Base image must be set for non-cloned images");
            }
            return self.base_image.str();
        }
        let tag = self.final_tag(digest)?;
        if advises && !self.name.truthy()? {
            let message = format!(
                "Image has no name (got {}), so its URI cannot be computed. Pass `name=` when calling `clone()` on an \
                 image.",
                self.name.repr()?
            );
            return raise("ImageBuildError", message);
        }
        if self.name.known()?.is_none() {
            return raise("AssertionError", "Name must be set for cloned images");
        }
        self.named(&tag, world)
    }

    /// `registry/name:tag`, or without the registry.
    fn named(&self, tag: &str, world: &World<'_>) -> Res<String> {
        let name = self.name.str()?;
        if !self.registry.truthy()? {
            return Ok(format!("{name}:{tag}"));
        }
        if self.registry_is_configured {
            world.uses(Fact::Registry);
        }
        Ok(format!("{}/{name}:{tag}", self.registry.str()?))
    }

    /// Source: flyte 2.0.0, `Image.uri`.
    fn uri_by_parts(&self, digest: impl FnOnce() -> Res<String>, world: &World<'_>) -> Res<String> {
        let named = self.name.truthy()?;
        let is_reference = self.ref_name.truthy()? && self.layers.is_empty();
        if named && (self.registry.truthy()? || !is_reference) {
            return self.named(&self.final_tag(digest)?, world);
        }
        if is_reference {
            if self.base_image.known()?.is_none() {
                let name = self.ref_name.str()?;
                return raise("AssertionError", format!("Base image is not set for image ref name {name}"));
            }
            return self.base_image.str();
        }
        if self.base_image.truthy()? {
            return self.base_image.str();
        }
        raise("ValueError", "Image is not fully defined. Please set registry, name and tag.")
    }

    /// The image as flyte's local builders build it: one without a registry gets the one to push to.
    ///
    /// Source: flyte 2.12.1, `ImageBuildEngine.build` and `_get_push_registry`.
    ///
    /// # Errors
    /// As [`Image::clone_with`].
    pub fn for_local_build(&self, world: &World<'_>) -> Res<Self> {
        if !world.behaviours().registry_at_build || !self.cloned || self.registry.truthy()? {
            return Ok(self.clone());
        }
        let configured = world.env.registry.as_deref().filter(|r| !r.is_empty());
        let local =
            world.env.endpoint.as_deref().filter(|e| e.contains("localhost")).map(|_| "localhost:30000");
        let Some(registry) = configured.or(local) else { return Ok(self.clone()) };
        let image =
            self.clone_with(Changes { registry: Value::from(registry), ..Changes::default() }, world)?;
        Ok(Self { registry_is_configured: true, ..image })
    }

    /// `hash(image)`: whoever builds images keeps what was built by it, so that an image without a hash is never built.
    ///
    /// Source: flyte 2.0.0b54 to 2.12.1, the dataclasses and `alru_cache` over `ImageBuildEngine.build`.
    ///
    /// # Errors
    /// `TypeError` for a list, a dictionary or a set in a field of the image or of a layer.
    pub fn hashable(&self) -> Res<()> {
        let own = [
            &self.base_image,
            &self.dockerfile,
            &self.registry,
            &self.name,
            &self.platform,
            &self.python_version,
            &self.extendable,
        ];
        let own = own.into_iter().find_map(Value::unhashable);
        let of_layers = || self.layers.iter().find_map(|layer| layer.unhashable());
        match own.or_else(of_layers).or_else(|| self.registry_secret.unhashable()) {
            Some(kind) => raise("TypeError", format!("unhashable type: '{kind}'")),
            None => Ok(()),
        }
    }

    /// `image.validate()`
    ///
    /// # Errors
    /// flyte's errors of the checks before a build.
    pub fn validate(&self, world: &World<'_>) -> Res<()> {
        self.layers.iter().try_for_each(|layer| layers::validate(layer, world))
    }

    /// The image as `flyte deploy`, `run` and `build` see it: code bundles are taken out (unless the code is baked in
    /// with `--copy-style none`), and a reference by name is looked up in the configuration.
    ///
    /// Source: flyte 2.12.1, `_build_images`.
    ///
    /// # Errors
    /// flyte's InvalidImageNameError for a name that the configuration lacks.
    pub fn deployed(&self, world: &World<'_>) -> Res<Self> {
        let mut image = self.clone();
        if image.layers.iter().any(|l| l.kind == LayerKind::CodeBundleLayer) {
            world.uses(Fact::CopyStyle);
            image.layers.retain(|l| l.kind != LayerKind::CodeBundleLayer);
            image.tag = None;
        }
        if !image.ref_name.known()?.is_none() {
            let name = image.ref_name.str()?;
            let refs = world.env.image_refs.clone().unwrap_or_default();
            let Some((_, base)) = refs.iter().find(|(key, _)| *key == name) else {
                let names: Vec<String> =
                    refs.iter().map(|(k, _)| image_manifests::pytext::repr_str(k)).collect();
                let available = names.join(", ");
                let message = format!("Image name '{name}' not found in config. Available: [{available}]");
                let available = refs.iter().map(|(name, _)| name.clone()).collect();
                let cause = Cause::UnknownReference { name, available };
                return raise_for(world.behaviours().unknown_reference_error, message, cause);
            };
            world.uses(Fact::ImageRefs);
            let base_image = Value::from(base.as_str());
            image = image.clone_with(Changes { base_image, ..Changes::default() }, world)?;
            if image.layers.is_empty() {
                // Without layers the referenced image is used as it is.
                image.existing = true;
                image.cloned = false;
            }
        }
        Ok(image)
    }
}
