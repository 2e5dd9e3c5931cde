//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Container images defined in Python for Flyte: exact tags, exact Dockerfiles, and every mistake before the build.
#[derive(Debug, Parser)]
#[command(name = "image-lsp", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) project: Project,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What the user says about the project, in place of what would be found.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Project {
    /// Interpreter or virtual environment of the project
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) python: Option<PathBuf>,
    /// Release of flyte
    #[arg(long, value_name = "VERSION", global = true)]
    pub(crate) flyte_version: Option<String>,
    /// What relative paths in code are resolved from [default: the current directory]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) working_directory: Option<PathBuf>,
    /// flyte's root_dir; `none` if flyte is not initialised [default: the working directory]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) root_dir: Option<String>,
    /// flyte's configuration file
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) flyte_config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show every image: address, tag, layers, Dockerfile, and what cannot be known
    Inspect(Inspect),
    /// Print the Dockerfile of an image, byte for byte
    Dockerfile(Dockerfile),
    /// Build an image
    Build(Build),
    /// Ask the installed flyte for the same images, and say every difference; runs the code of the files
    Verify(Verify),
    /// Find mistakes
    Check(Check),
    /// Explain a rule
    Explain(Explain),
    /// Print the JSON schema of the settings
    ConfigSchema,
    /// Print completions for a shell
    Completions(Completions),
    /// Run as a language server
    Server(Server),
    /// Print what an issue report needs: versions, environment, configuration
    DebugInfo,
}

#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Run as a language server on standard input and output
    #[arg(long)]
    pub(crate) stdio: bool,
    /// Run as a language server for a client that listens on a port of this machine
    #[arg(long, value_name = "PORT", conflicts_with = "stdio")]
    pub(crate) socket: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Files and folders; `FILE::NAME` for one image
    #[arg(value_name = "PATH[::NAME]", default_value = ".")]
    pub(crate) paths: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Full)]
    pub(crate) output_format: Format,
    /// Print absolute paths
    #[arg(long)]
    pub(crate) absolute_paths: bool,
    /// Leave the Dockerfiles out of the text
    #[arg(long)]
    pub(crate) no_dockerfile: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Dockerfile {
    /// The file; `FILE::NAME` where it has several images
    #[arg(value_name = "FILE[::NAME]")]
    pub(crate) path: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Build {
    /// The file; `FILE::NAME` where it has several images
    #[arg(value_name = "FILE[::NAME]")]
    pub(crate) path: String,
    /// Who builds [default: as flyte's configuration says]
    #[arg(long, value_parser = ["local", "local-podman", "remote"])]
    pub(crate) builder: Option<String>,
    /// Push, or fail where there is no registry [default: push where there is one]
    #[arg(long, overrides_with = "no_push")]
    pub(crate) push: bool,
    /// Keep the image in the engine
    #[arg(long)]
    pub(crate) no_push: bool,
    /// Build even if the image is there already
    #[arg(long)]
    pub(crate) force: bool,
    /// Start the build, and do not wait for its end (remote builder)
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Write the Dockerfile and the context to a folder, and build nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The folder for --dry-run [default: a new one for temporary files]
    #[arg(long, value_name = "DIR", requires = "dry_run")]
    pub(crate) context_dir: Option<PathBuf>,
    /// Platforms, in place of those of the image
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,
    /// How to show what happens
    #[arg(long, value_enum, default_value_t = ProgressKind::Auto)]
    pub(crate) progress: ProgressKind,
    /// The engine, such as unix:///run/docker.sock, tcp://host:2376 or ssh://user@host [default: as docker finds it]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) engine_host: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Files and folders; `FILE::NAME` for one image
    #[arg(value_name = "PATH[::NAME]", default_value = ".")]
    pub(crate) paths: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Full)]
    pub(crate) output_format: Format,
    /// Ask every environment in a folder, one after the other, in place of the project's own
    #[arg(long, value_name = "DIR")]
    pub(crate) all_environments: Option<PathBuf>,
    /// Seconds that importing flyte, importing a file, and flyte's answers may take, each
    #[arg(long, value_name = "SECONDS", default_value_t = image_build::flyte::LIMIT.as_secs())]
    pub(crate) timeout: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressKind {
    /// `tty` on a terminal, else `plain`
    Auto,
    /// A line for each step that runs
    Tty,
    /// Everything, one line after the other
    Plain,
    /// JSON on standard output, one event a line
    Json,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Check {
    /// Files and folders; `-` reads standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<String>,
    /// How to print [default: full; agent where an agent runs it]
    #[arg(long, value_enum)]
    pub(crate) output_format: Option<CheckFormat>,
    /// Mend what can be mended for certain
    #[arg(long)]
    pub(crate) fix: bool,
    /// Mend also where what was meant is likely, not certain (with --fix or --diff)
    #[arg(long)]
    pub(crate) unsafe_fixes: bool,
    /// Show what --fix would change, and change nothing
    #[arg(long, conflicts_with = "fix")]
    pub(crate) diff: bool,
    /// Rules to check, in place of those that are on: codes, beginnings of codes, names, ALL
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// Rules not to check
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Rules to check besides
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) extend_select: Vec<String>,
    /// Exit with 0 even if something is found
    #[arg(long)]
    pub(crate) exit_zero: bool,
    /// Show how many findings each rule has
    #[arg(long)]
    pub(crate) statistics: bool,
    /// Check again whenever a file changes
    #[arg(long, conflicts_with_all = ["fix", "diff", "add_suppressions"])]
    pub(crate) watch: bool,
    /// Add a suppression comment for each finding
    #[arg(long, conflicts_with_all = ["fix", "diff"])]
    pub(crate) add_suppressions: bool,
    /// Files and folders not to check, as globs
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub(crate) exclude: Vec<String>,
    /// Leave excluded files out even where they are named
    #[arg(long)]
    pub(crate) force_exclude: bool,
    /// Settings file, in place of the nearest one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Keep nothing between runs (nothing is kept)
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// The name under which standard input is checked
    #[arg(long, value_name = "FILE")]
    pub(crate) stdin_filename: Option<PathBuf>,
    /// Print findings and nothing else
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Tell which files are checked, with which settings
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people, with the source
    Full,
    /// For people, one line each
    Concise,
    /// A JSON document
    Json,
    /// JSON, one line each
    JsonLines,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// GitLab's report of code quality
    Gitlab,
    /// JUnit's XML
    Junit,
    /// For programs that read text, one line each
    Agent,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Codes or names of rules
    #[arg(value_name = "RULE")]
    pub(crate) rules: Vec<String>,
    /// All rules
    #[arg(long)]
    pub(crate) all: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Full)]
    pub(crate) output_format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Full,
    /// For programs
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// Takes out what clients add on their own (`--clientProcessId=N`), and gives the process that it names.
pub(crate) fn without_client_flags(
    arguments: impl Iterator<Item = OsString>,
) -> (Vec<OsString>, Option<u32>) {
    const FLAG: &str = "--clientProcessId";
    let (mut left, mut process, mut follows) = (Vec::new(), None, false);
    for argument in arguments {
        let text = argument.to_str().unwrap_or_default();
        if std::mem::take(&mut follows) {
            process = text.parse().ok();
        } else if let Some(value) = text.strip_prefix(FLAG) {
            follows = value.is_empty();
            process = value.strip_prefix('=').and_then(|v| v.parse().ok());
        } else {
            left.push(argument);
        }
    }
    (left, process)
}
