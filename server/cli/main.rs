//! `image-lsp`: the program. Arguments, output formats, exit status; everything else is in the crates below.

mod args;
mod build;
mod check;
mod context;
mod debug_info;
mod dockerfile;
mod error;
mod explain;
mod files;
mod inspect;
mod interrupt;
mod paint;
mod verify;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Cli, Command};
use error::CliError;
use image_lsp_server::Transport;

fn main() -> ExitCode {
    let (arguments, client) = args::without_client_flags(std::env::args_os());
    let cli = Cli::parse_from(arguments);
    paint::choose(cli.color);
    match run(cli, client) {
        Ok(code) => ExitCode::from(code),
        // Whoever reads has seen enough.
        Err(CliError::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            error::render(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(cli: Cli, client: Option<u32>) -> Result<u8, CliError> {
    if cli.server.stdio || cli.server.socket.is_some() {
        return serve(&cli.server, client);
    }
    match cli.command {
        Some(Command::Server(arguments)) => serve(&arguments, client),
        Some(Command::Inspect(arguments)) => inspect::run(&arguments, &cli.project),
        Some(Command::Dockerfile(arguments)) => dockerfile::run(&arguments, &cli.project),
        Some(Command::Build(arguments)) => build::run(&arguments, &cli.project),
        Some(Command::Verify(arguments)) => verify::run(&arguments, &cli.project),
        Some(Command::Check(arguments)) => check::run(&arguments, &cli.project),
        Some(Command::Explain(arguments)) => explain::run(&arguments),
        Some(Command::ConfigSchema) => config_schema(),
        Some(Command::Completions(arguments)) => completions(&arguments),
        Some(Command::DebugInfo) => debug_info::run(&cli.project),
        None => Err(CliError::Usage("no command is given".to_owned())),
    }
}

fn config_schema() -> Result<u8, CliError> {
    let mut out = paint::Output::new();
    serde_json::to_writer_pretty(&mut out, &image_rules::settings::schema::schema())
        .map_err(std::io::Error::from)?;
    writeln!(out)?;
    out.finish()?;
    Ok(0)
}

fn completions(arguments: &args::Completions) -> Result<u8, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "image-lsp", &mut text);
    let mut out = paint::Output::new();
    out.write_all(&text)?;
    out.finish()?;
    Ok(0)
}

fn serve(arguments: &args::Server, client: Option<u32>) -> Result<u8, CliError> {
    let transport = arguments.socket.map_or(Transport::Stdio, Transport::Socket);
    image_lsp_server::serve(transport, client, context::ambient()).map_err(CliError::Server)
}
