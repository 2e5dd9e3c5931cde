//! What differs between releases: one declaration for each behaviour, with the releases at which it changed.
//!
//! Code asks for a behaviour by its name (`release.behaviours.header`) and never compares versions. To say that a
//! release does something else, add a line `"X.Y.Z" => value` to the behaviour; to say that it does something that
//! no release did differently before, add a behaviour.
//!
//! Every value here was found by running the release (`tests/conformance`), not by reading it.

use super::declare::behaviours;

/// How the Dockerfile begins, after the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// A virtual environment in /opt/venv, always.
    Venv,
    /// Only where the base image sets no UV_PYTHON.
    KeepUvPython,
    /// Only where there is no Python at `$UV_PYTHON`; both places can be given as build arguments.
    BuildArguments,
}

/// Where the Dockerfile says as whom, and where, the container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footer {
    /// `WORKDIR /root` after `ENV _F_IMG_ID`.
    Root,
    /// `USER flyte` and `WORKDIR /home/flyte` after `ENV _F_IMG_ID`.
    User,
    /// The same two lines before `ENV _F_IMG_ID`, and only where the image creates that user.
    UserIfCreated,
}

/// How an address comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// By what is there: registry and name, a reference's base, a name, a base.
    ByParts,
    /// The base for images that nothing was changed of; otherwise the name, which must not be None.
    ByChange,
    /// The same; without base or name, an ImageBuildError says what to do.
    ByChangeWithAdvice,
}

/// The user of the default image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultUser {
    /// `flytekit`, made by a Dockerfile line, in /root.
    Flytekit,
    /// `flyte`, made by a command, in /home/flyte.
    Flyte,
}

/// What the default image of a development install gets when there are no local wheels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DevelopmentFallback {
    /// No flyte at all.
    Nothing,
    /// The latest release before it: `flyte<BASE`.
    Released,
}

behaviours! {
    /// What a release of flyte does, as far as releases differ.
    Behaviours from "2.0.0b54";

    // ---- definition: what the code may say
    /// A layer needs an image that is extendable. Before, any image with a name took layers.
    needs_extendable: bool = false, "2.0.0b58" => true;
    /// `from_dockerfile` turns a text into a path. Before, a text fails when the file is opened.
    dockerfile_may_be_text: bool = false, "2.1.3" => true;
    /// `with_source_file` takes a list and adds a layer for each file. Before, one layer holds the list, and its
    /// build fails.
    source_file_lists: bool = false, "2.0.3" => true;
    /// Copied sources are turned into paths. Before, a text fails when it is used.
    source_may_be_text: bool = false, "2.2.4" => true;

    // ---- the default image
    /// The default image with flyte is the published one, without layers. Before, it was made from Python's slim
    /// image with layers, under a fixed tag.
    default_is_published: bool = false, "2.1.6" => true;
    /// The user that the default image creates.
    default_user: DefaultUser = DefaultUser::Flytekit, "2.2.3" => DefaultUser::Flyte;
    /// Any false value of `install_flyte` names the default image's tag without flyte's version. Before, only False.
    no_flyte_by_truth: bool = false, "2.0.10" => true;
    /// `flyte_version` must be a version by Python's rules.
    reads_flyte_version: bool = true, "2.0.8" => false, "2.0.10" => true, "2.1.6" => false;
    /// The default image installs a pre-release of flyte with `--pre`.
    default_pre: bool = true, "2.0.8" => false;
    /// `with_local_v2` installs its wheels with `--pre`.
    wheels_pre: bool = true, "2.0.8" => false;
    /// `with_local_v2` adds the wheel of flyteidl2 when there is one.
    idl_wheels: bool = false, "2.10.0" => true;
    /// What a development install of flyte puts into its default image without local wheels.
    development_fallback: DevelopmentFallback = DevelopmentFallback::Nothing,
        "2.3.7" => DevelopmentFallback::Released;
    /// A development install adds the plugins that `_F_LOCAL_PLUGINS` names.
    development_plugins: bool = false, "2.5.1" => true;
    /// A development install adds the Rust controller when `_F_USE_RUST_CONTROLLER` says so.
    development_controller: bool = false, "2.3.0b0" => true;

    // ---- the address
    /// How an address comes about.
    address: Address = Address::ByParts, "2.1.6" => Address::ByChange, "2.12.1" => Address::ByChangeWithAdvice;
    /// The registry of default images when none is configured.
    default_registry: Option<&'static str> = Some("ghcr.io/flyteorg"), "2.5.13" => None;
    /// The configured registry (`image.registry`, FLYTE_IMAGE_REGISTRY, `flyte.init(image_registry=)`) counts.
    configured_registry: bool = false, "2.5.9" => true;
    /// With an endpoint on localhost, default images are defined with the registry there.
    localhost_registry: bool = false, "2.1.4" => true, "2.11.4" => false;
    /// The class of the error for a reference that the configuration lacks.
    unknown_reference_error: &'static str = "ValueError", "2.4.0" => "InvalidImageNameError";

    // ---- the tag
    /// The ignore file leaves files out of the tag, and counts with its content. Before, every file counted, and of
    /// the ignore file only its path.
    ignore_file_in_tag: bool = false, "2.1.0" => true;
    /// The content of a single source file counts. Before, only its destination did.
    source_file_in_tag: bool = false, "2.1.3" => true;

    // ---- checks before a build
    /// The class of the error for a missing or wrong source.
    source_error: &'static str = "ValueError", "2.4.0" => "ImageBuildError";

    // ---- the Dockerfile
    /// How the Dockerfile begins.
    header: Header = Header::Venv, "2.0.7" => Header::KeepUvPython, "2.1.0" => Header::BuildArguments;
    /// The tag of the uv image that the Dockerfile copies uv from.
    header_uv: &'static str = "0.8.13", "2.12.1" => "0.13.4";
    /// How the Dockerfile ends.
    footer: Footer = Footer::Root, "2.2.3" => Footer::User, "2.5.2" => Footer::UserIfCreated;
    /// What stands between COPY and the source.
    copy_owner: &'static str = "", "2.2.3" => "--chown=flyte:flyte ";
    /// Package names are quoted for the shell.
    quotes_packages: bool = false, "2.0.2" => true;
    /// The dependencies of local wheels may come from `/dist`, too.
    wheels_dependencies_from_dist: bool = false, "2.5.1" => true;
    /// The dependencies of local wheels are installed before the wheels.
    wheels_dependencies_first: bool = false, "2.5.2" => true;
    /// `--frozen` among the arguments of a pixi layer keeps `--locked` away.
    pixi_frozen_replaces_locked: bool = false, "2.5.16" => true;
    /// Editable dependencies are mounted writable.
    editable_mounts_writable: bool = false, "2.0.0b55" => true;
    /// Editable dependencies outside of the project get as far as pathlib's error. Before, flyte refused them.
    editable_outside_project: bool = false, "2.0.0b60" => true;

    // ---- the build context
    /// What is left out of every folder, besides the ignore file's patterns.
    always_ignored: &'static [&'static str] = &["**/.idea", "**/.venv", "**/__pycache__", "**/*.pyc"],
        "2.0.0b55" => &[];
    /// The patterns for folders that come where a file is expected.
    file_patterns: &'static [&'static str] = &[], "2.0.0b55" => PATTERNS_B55, "2.0.2" => PATTERNS;
    /// The patterns for editable dependencies, before those of the ignore file.
    editable_patterns: &'static [&'static str] = PATTERNS_B54, "2.0.0b55" => PATTERNS_B55, "2.0.2" => PATTERNS;
    /// Places in the context are normalised (`a/../b` is `b`), and one outside of it is an error.
    normalises_places: bool = false, "2.0.3" => true;
    /// The error for a missing path that is to be copied says what to do.
    missing_source_advises: bool = false, "2.3.5" => true;
    /// The error for a missing ignore file says what to do.
    missing_ignore_file_advises: bool = false, "2.5.17" => true;

    // ---- the build
    /// The local builder builds images without layers, too.
    builds_without_layers: bool = false, "2.0.0b57" => true;
    /// `flyte.build(force=…)` reaches the builder.
    force_reaches_builder: bool = false, "2.0.5" => true;
    /// The default image of a release is taken to exist, without a look.
    default_image_unchecked: bool = false, "2.0.10" => true, "2.1.6" => false;
    /// `flyte build` has `--root-dir` and `--copy-style`.
    build_has_root_dir: bool = false, "2.2.0" => true;
    /// FLYTE_DOCKER_BUILDKIT_BUILDER_NAME names the builder.
    builder_name_variable: bool = false, "2.2.4" => true;
    /// Without Docker, an ImageBuildError says so.
    missing_docker_advises: bool = false, "2.3.0b0" => true;
    /// The class of the error for a failed build.
    failed_build_error: &'static str = "RuntimeError", "2.3.5" => "ImageBuildError";
    /// A failure of `uv export` becomes an ImageBuildError.
    uv_export_advises: bool = false, "2.3.7" => true;
    /// Whether an image exists is remembered on disk for a day.
    existence_on_disk: bool = false, "2.3.7" => true;
    /// `flyte build` has `--all`.
    build_has_all: bool = false, "2.4.1" => true;
    /// A changed image without a registry cannot be built locally.
    local_build_needs_registry: bool = false, "2.5.13" => true;
    /// FLYTE_DOCKER_BUILD_EXTRA_ARGS adds arguments.
    extra_build_arguments: bool = false, "2.5.17" => true;
    /// The registry is looked up again for a local build, so that images defined before `flyte.init` get it.
    registry_at_build: bool = false, "2.5.19" => true;
    /// Errors of third-party builders are wrapped.
    wraps_builder_errors: bool = false, "2.7.1" => true;
    /// There is a builder `local-podman`.
    podman_builder: bool = false, "2.10.6" => true;
}

/// flyte 2.0.0b54, `STANDARD_IGNORE_PATTERNS`.
const PATTERNS_B54: &[&str] = &[
    "*.pyc",
    "__pycache__",
    "**/__pycache__",
    ".cache",
    ".cache/*",
    ".pytest_cache",
    "**/.pytest_cache",
    ".venv",
    "venv",
    "env",
    "*.log",
    ".env",
    "*.egg-info",
    "*.egg",
    "dist",
    "build",
    "*.whl",
];

/// flyte 2.0.0b55, `STANDARD_IGNORE_PATTERNS`.
const PATTERNS_B55: &[&str] = &[
    "*.pyc",
    "**/*.pyc",
    "__pycache__",
    "**/__pycache__",
    ".cache",
    ".cache/*",
    ".pytest_cache",
    "**/.pytest_cache",
    ".venv",
    "**/.venv",
    ".idea",
    "**/.idea",
    "venv",
    "env",
    "*.log",
    ".env",
    "*.egg-info",
    "**/*.egg-info",
    "*.egg",
    "dist",
    "build",
    "*.whl",
];

/// flyte 2.0.2 and later, `STANDARD_IGNORE_PATTERNS`.
const PATTERNS: &[&str] = &[
    ".git",
    "*.pyc",
    "**/*.pyc",
    "__pycache__",
    "**/__pycache__",
    ".cache",
    ".cache/*",
    ".ruff_cache",
    "**/.ruff_cache",
    ".mypy_cache",
    "**/.mypy_cache",
    ".pytest_cache",
    "**/.pytest_cache",
    ".venv",
    "**/.venv",
    ".idea",
    "**/.idea",
    "venv",
    "env",
    "*.log",
    ".env",
    "*.egg-info",
    "**/*.egg-info",
    "*.egg",
    "dist",
    "build",
    "*.whl",
];
