//! Starts `image-lsp --stdio` for Zed: the program that the settings name (`lsp.image-lsp.binary`), else the one on PATH.

use zed_extension_api::settings::LspSettings;
use zed_extension_api::{self as zed, Command, LanguageServerId, Result, Worktree, serde_json::Value};

struct ImageLsp;

impl zed::Extension for ImageLsp {
    fn new() -> Self {
        Self
    }

    fn language_server_command(&mut self, server: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let binary = LspSettings::for_worktree(server.as_ref(), worktree)?.binary;
        let (path, arguments) = binary.map(|b| (b.path, b.arguments)).unwrap_or_default();
        let command = path.or_else(|| worktree.which("image-lsp")).ok_or(
            "image-lsp is not on PATH: install it, or name it in the setting lsp.image-lsp.binary.path",
        )?;
        let args = arguments.unwrap_or_else(|| vec!["--stdio".to_owned()]);
        Ok(Command { command, args, env: worktree.shell_env() })
    }

    fn language_server_workspace_configuration(
        &mut self,
        server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        Ok(LspSettings::for_worktree(server.as_ref(), worktree)?.settings)
    }
}

zed::register_extension!(ImageLsp);
