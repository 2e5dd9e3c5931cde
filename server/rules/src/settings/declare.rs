//! The settings, each declared once.

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A path, relative to the file that sets it.
    Path,
    /// `true` or `false`.
    Switch(bool),
    /// One of these, and the default where it has one.
    Choice(&'static [&'static str], Option<&'static str>),
    /// Glob patterns.
    Globs,
    /// Codes, beginnings of codes, names of rules, or `ALL`.
    Rules,
    /// A table of globs with rules.
    RulesByGlob,
    /// A table of rules with `error`, `warning`, `hint` or `off`.
    Severities,
    /// A size: a number of bytes, or text with a unit such as `50MB`.
    Size,
}

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name, with a dot where it is in a table.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it does.
    pub what: &'static str,
}

const fn s(name: &'static str, kind: Kind, what: &'static str) -> Setting {
    Setting { name, kind, what }
}

/// All settings, in the order of the documentation.
pub static SETTINGS: &[Setting] = &[
    s("python", Kind::Path, "Interpreter or virtual environment of the project."),
    s(
        "flyte-version",
        Kind::Text,
        "Release of flyte, where neither an environment nor a lock or pin tells it.",
    ),
    s("working-directory", Kind::Path, "What relative paths in code are resolved from: where flyte is run."),
    s("root-dir", Kind::Text, "flyte's root_dir; `none` where flyte is not initialised."),
    s("flyte-config", Kind::Path, "flyte's configuration file."),
    s("select", Kind::Rules, "Rules to check, in place of those that are on by default."),
    s("extend-select", Kind::Rules, "Rules to check besides."),
    s(
        "ignore",
        Kind::Rules,
        "Rules not to check. The closer selector wins: `ignore = [\"IMG1\"]` with `select = [\"IMG103\"]` checks IMG103.",
    ),
    s(
        "severity",
        Kind::Severities,
        "Severities of rules, by code. A severity turns a rule on that is off by default; `off` turns it off.",
    ),
    s("per-file-ignores", Kind::RulesByGlob, "Rules not to check in files that match a glob."),
    s(
        "exclude",
        Kind::Globs,
        "Files and folders not to check, as globs relative to the file that sets them.",
    ),
    s("large-context", Kind::Size, "From which size on IMG107 calls a source folder large. 50MB unless set."),
    s("inlay-hints.tag", Kind::Switch(true), "Show the tag behind an image."),
    s("inlay-hints.base", Kind::Switch(false), "Show the base image behind a constructor."),
    s("code-lens", Kind::Switch(true), "Show tag, layers and commands above an image."),
    s(
        "build.builder",
        Kind::Choice(&["local", "local-podman", "remote"], None),
        "What builds images; flyte's own configuration says so unless set.",
    ),
    s(
        "build.engine-host",
        Kind::Text,
        "Address of the engine, such as `unix:///run/docker.sock`; found as docker does unless set.",
    ),
    s(
        "build.syntax-directive",
        Kind::Choice(&["keep", "builtin"], Some("keep")),
        "Whether the frontend that the Dockerfile names is pulled, or the engine's own one is used.",
    ),
    s(
        "verify-on-save",
        Kind::Switch(false),
        "Ask the installed flyte for the same images when a file is saved, in workspaces that the editor trusts: it runs the file.",
    ),
    s(
        "check-existence",
        Kind::Choice(&["off", "engine", "registry"], Some("off")),
        "Where to look whether an image exists already.",
    ),
];

/// The setting of a name.
#[must_use]
pub fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|s| s.name == name)
}

/// The names that begin a dotted name: the tables.
pub fn tables() -> impl Iterator<Item = &'static str> {
    let mut seen = Vec::new();
    SETTINGS.iter().filter_map(move |s| {
        let (table, _) = s.name.split_once('.')?;
        (!seen.contains(&table)).then(|| {
            seen.push(table);
            table
        })
    })
}
