//! What is known of base images and packages without asking anybody. What is not listed is not known.

use image_model::layer::LayerKind;
use image_model::value::Value;
use image_python::inspect::Variant;

/// A family of base images.
pub(crate) struct Base {
    /// The repository, without a registry that is docker's own.
    repository: &'static str,
    /// What the tag contains; empty for any.
    tag: &'static str,
    /// Tools that it does not have.
    pub(crate) lacks: &'static [&'static str],
    /// It has no certificates.
    pub(crate) no_certificates: bool,
}

const ALL_TOOLS: &[&str] = &["curl", "wget", "git", "unzip", "gcc", "make", "sudo"];

/// The first that fits holds. Seen in the images and their Dockerfiles.
const BASES: &[Base] = &[
    Base { repository: "python", tag: "slim", lacks: ALL_TOOLS, no_certificates: false },
    Base {
        repository: "python",
        tag: "alpine",
        lacks: &["curl", "git", "gcc", "make", "sudo"],
        no_certificates: false,
    },
    Base { repository: "python", tag: "windows", lacks: &[], no_certificates: false },
    Base { repository: "python", tag: "", lacks: &["sudo"], no_certificates: false },
    Base { repository: "debian", tag: "", lacks: ALL_TOOLS, no_certificates: true },
    Base { repository: "ubuntu", tag: "", lacks: ALL_TOOLS, no_certificates: true },
    Base {
        repository: "alpine",
        tag: "",
        lacks: &["curl", "git", "gcc", "make", "sudo"],
        no_certificates: false,
    },
];

/// The default image: python slim with build-essential and certificates.
const DEFAULT: Base = Base {
    repository: "",
    tag: "",
    lacks: &["curl", "wget", "git", "unzip", "sudo"],
    no_certificates: false,
};

/// What is known of a variant's base image.
pub(crate) fn base(variant: &Variant) -> Option<&'static Base> {
    if is_default(variant) {
        return Some(&DEFAULT);
    }
    let Value::Str(reference) = &variant.image.base_image else { return None };
    let (repository, tag) = parts(reference);
    BASES.iter().find(|b| b.repository == repository && tag.contains(b.tag))
}

/// Whether the image is made from flyte's own default image.
pub(crate) fn is_default(variant: &Variant) -> bool {
    let by_origin = variant.image.origin.as_ref().is_some_and(|origin| {
        matches!(origin.method, "from_debian_base" | "from_uv_script" | "from_pixi_script")
    });
    let by_base =
        matches!(&variant.image.base_image, Value::Str(b) if b.starts_with("ghcr.io/flyteorg/flyte:"));
    let rebased = variant.image.calls.iter().any(|c| c.given("base_image").next().is_some());
    by_base || (by_origin && !rebased)
}

/// Whether the image's base is a foreign one that is known.
pub(crate) fn foreign_base(variant: &Variant) -> Option<&'static Base> {
    base(variant).filter(|b| !b.repository.is_empty())
}

/// The repository without docker's own registry, and the tag.
pub(crate) fn parts(reference: &str) -> (&str, &str) {
    let reference = reference.split('@').next().unwrap_or(reference);
    let own = ["docker.io/", "index.docker.io/", "registry-1.docker.io/"];
    let rest = own.iter().find_map(|prefix| reference.strip_prefix(prefix)).unwrap_or(reference);
    let rest = rest.strip_prefix("library/").unwrap_or(rest);
    match rest.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (rest, ""),
    }
}

/// The text of all commands, apt packages and lines of the layers before one; `None` where one is not known.
pub(crate) fn installed_before(variant: &Variant, layer: usize) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for layer in variant.image.layers.iter().take(layer) {
        let field = match layer.kind {
            LayerKind::AptPackages => "packages",
            LayerKind::Commands => "commands",
            LayerKind::DockerLines => "lines",
            // What conda installs is not looked into.
            LayerKind::PixiProject | LayerKind::PixiScript => return None,
            _ => continue,
        };
        for item in layer.get(field).iterate().ok()? {
            texts.push(item.str().ok()?);
        }
    }
    Some(texts)
}

/// Packages whose import needs libraries of the system, which Debian has under these names.
pub(crate) const SYSTEM_LIBRARIES: &[(&str, &[&str])] = &[
    ("opencv-python", &["libgl1", "libglib2.0-0"]),
    ("opencv-contrib-python", &["libgl1", "libglib2.0-0"]),
    ("pytesseract", &["tesseract-ocr"]),
    ("pdf2image", &["poppler-utils"]),
    ("pygraphviz", &["graphviz"]),
    ("graphviz", &["graphviz"]),
    ("python-magic", &["libmagic1"]),
    ("weasyprint", &["libpango-1.0-0"]),
    ("soundfile", &["libsndfile1"]),
    ("pyodbc", &["unixodbc"]),
    ("lightgbm", &["libgomp1"]),
];

/// Registries that nobody outside pushes to.
pub(crate) const FOREIGN_REGISTRIES: &[(&str, &str)] = &[
    ("ghcr.io/flyteorg", "flyte's own"),
    ("docker.io/library", "docker's own"),
    ("index.docker.io/library", "docker's own"),
    ("library", "docker's own"),
    ("cr.flyte.org", "flyte's own, and read-only"),
    ("gcr.io/distroless", "Google's own"),
    ("public.ecr.aws/docker/library", "a mirror of docker's own"),
    ("nvcr.io/nvidia", "NVIDIA's own"),
    ("quay.io/biocontainers", "that of biocontainers"),
];
