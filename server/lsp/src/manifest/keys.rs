//! The keys of a script's header. Source: PEP 723, and uv 0.13.8.

/// A key, with what it is for.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// What is written behind its `=`.
    pub(super) value: &'static str,
    /// flyte heeds it, or it does not matter to an image.
    pub(super) is_heeded: bool,
}

const fn key(name: &'static str, value: &'static str, what: &'static str) -> Key {
    Key { name, what, value, is_heeded: false }
}

const fn heeded(name: &'static str, value: &'static str, what: &'static str) -> Key {
    Key { name, what, value, is_heeded: true }
}

/// Keys outside of all tables.
pub(super) const ROOT: &[Key] = &[
    heeded(
        "dependencies",
        "[\"$0\"]",
        "What the script needs: requirements as PEP 508 has them. flyte installs them in the image.",
    ),
    heeded(
        "requires-python",
        "\">=$0\"",
        "The Pythons that the script runs with. flyte puts it into the tag and does not look at it again.",
    ),
];

/// Names of tables; `true` for arrays of tables.
pub(super) const TABLES: &[(&str, bool, &str)] = &[
    ("tool.uv", false, "Settings of uv for this script."),
    ("tool.uv.sources", false, "Where uv takes packages from, if not from an index."),
    ("tool.uv.index", true, "An index that uv looks at."),
    ("tool.uv.dependency-metadata", true, "Metadata of packages that uv takes as given."),
    ("tool.pixi.workspace", false, "Channels and platforms of a pixi script."),
    ("tool.pixi.dependencies", false, "Conda packages of a pixi script."),
    ("tool.pixi.pypi-dependencies", false, "Python packages of a pixi script."),
];

/// Keys of `[tool.uv]` that a script may have.
pub(super) const UV: &[Key] = &[
    key("build-constraint-dependencies", "[\"$0\"]", "Versions that builds of packages are held to."),
    heeded("cache-dir", "\"$0\"", "Where uv keeps what it has loaded."),
    heeded("compile-bytecode", "true", "Compile modules while installing."),
    heeded("concurrent-downloads", "$0", "How many downloads run at a time."),
    key("config-settings", "{ $0 }", "Settings for the builds of packages."),
    key(
        "constraint-dependencies",
        "[\"$0\"]",
        "Versions that packages are held to, wherever they are asked for.",
    ),
    key("exclude-dependencies", "[\"$0\"]", "Packages that are never installed."),
    heeded(
        "exclude-newer",
        "\"$0\"",
        "Take nothing that came out later. flyte hashes it and does not apply it.",
    ),
    key("extra-build-dependencies", "{ $0 }", "What builds of packages need besides."),
    key("extra-index-url", "[\"$0\"]", "Further indexes; `[[tool.uv.index]]` is the newer way."),
    key("find-links", "[\"$0\"]", "Folders and pages with archives."),
    key(
        "fork-strategy",
        "\"$0\"",
        "`fewest` or `requires-python`: how versions may differ between environments.",
    ),
    key("index-strategy", "\"$0\"", "`first-index`, `unsafe-first-match` or `unsafe-best-match`."),
    key("index-url", "\"$0\"", "The index in the place of the usual one."),
    heeded("keyring-provider", "\"$0\"", "`disabled` or `subprocess`: where passwords come from."),
    heeded("link-mode", "\"$0\"", "`clone`, `copy`, `hardlink` or `symlink`."),
    heeded("native-tls", "true", "Trust the certificates of the system."),
    key("no-binary", "true", "Install nothing from wheels."),
    key("no-binary-package", "[\"$0\"]", "Packages that are not installed from wheels."),
    key("no-build", "true", "Build nothing from source."),
    key("no-build-isolation", "true", "Build in the environment itself."),
    key("no-build-package", "[\"$0\"]", "Packages that are not built from source."),
    key("no-index", "true", "Look at no index."),
    heeded("offline", "true", "Use no network."),
    key("override-dependencies", "[\"$0\"]", "Requirements that take the place of what packages ask for."),
    key(
        "prerelease",
        "\"$0\"",
        "`disallow`, `allow`, `if-necessary`, `explicit` or `if-necessary-or-explicit`.",
    ),
    heeded("python-downloads", "\"$0\"", "`automatic`, `manual` or `never`."),
    heeded("python-preference", "\"$0\"", "`only-managed`, `managed`, `system` or `only-system`."),
    heeded("required-version", "\"$0\"", "The versions of uv that may run."),
    key("resolution", "\"$0\"", "`highest`, `lowest` or `lowest-direct`."),
    key("sources", "{ $0 }", "Where packages come from, if not from an index."),
    key("torch-backend", "\"$0\"", "Which builds of PyTorch are taken: `auto`, `cpu`, `cu128` …"),
];

/// Keys of `[[tool.uv.index]]`.
pub(super) const INDEX: &[Key] = &[
    key("name", "\"$0\"", "What sources call it."),
    key("url", "\"$0\"", "Its address."),
    key("default", "true", "It takes the place of the usual index."),
    key("explicit", "true", "Only what names it in `sources` comes from it."),
];

/// Values that some settings have.
pub(super) const CHOICES: &[(&str, &[&str])] = &[
    ("resolution", &["highest", "lowest", "lowest-direct"]),
    ("prerelease", &["disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit"]),
    ("index-strategy", &["first-index", "unsafe-first-match", "unsafe-best-match"]),
    ("link-mode", &["clone", "copy", "hardlink", "symlink"]),
    ("fork-strategy", &["fewest", "requires-python"]),
    ("keyring-provider", &["disabled", "subprocess"]),
    ("python-preference", &["only-managed", "managed", "system", "only-system"]),
    ("python-downloads", &["automatic", "manual", "never"]),
    ("torch-backend", &["auto", "cpu", "cu118", "cu126", "cu128", "cu130"]),
];

/// The keys of a table.
pub(super) fn of(table: &[String]) -> &'static [Key] {
    let names: Vec<&str> = table.iter().map(String::as_str).collect();
    match names.as_slice() {
        [] => ROOT,
        ["tool", "uv"] => UV,
        ["tool", "uv", "index"] => INDEX,
        _ => &[],
    }
}
