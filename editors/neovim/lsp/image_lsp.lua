--- The server's configuration, as `vim.lsp.enable("image_lsp")` finds it. `vim.lsp.config("image_lsp", {…})` changes it.

---@type vim.lsp.Config
return {
  cmd = { "image-lsp", "--stdio" },
  filetypes = { "python", "requirements", "toml" },
  root_dir = function(buffer, attach)
    require("image_lsp.root").find(buffer, attach)
  end,
  workspace_required = false,
  before_init = function(parameters, config)
    local own = { imageLsp = { buildLog = true, commands = { "imageLsp.copyUri" } } }
    local capabilities = parameters.capabilities
    capabilities.experimental = vim.tbl_extend("force", capabilities.experimental or {}, own)
    local trusted = require("image_lsp.trust").is_trusted(config.root_dir)
    local options = parameters.initializationOptions
    parameters.initializationOptions =
      vim.tbl_extend("force", type(options) == "table" and options or {}, { workspaceTrusted = trusted })
  end,
  handlers = {
    ["imageLsp/buildLog"] = function(_, line, context)
      require("image_lsp.build").on_log(line, context.client_id)
    end,
  },
  -- What lenses and code actions run.
  commands = {
    ["imageLsp.build"] = function(command, context)
      require("image_lsp.build").build(context.client_id, command.arguments[1])
    end,
    ["imageLsp.verify"] = function(command, context)
      require("image_lsp.verify").verify(context.client_id, command.arguments[1])
    end,
    ["imageLsp.showDockerfile"] = function(command, context)
      require("image_lsp.preview").open(context.client_id, command.arguments[1])
    end,
    ["imageLsp.copyUri"] = function(command)
      require("image_lsp").copy(command.arguments[1].text)
    end,
  },
  on_exit = function(code, signal, client)
    require("image_lsp.life").ended(code, signal, client)
  end,
  on_attach = function(client, buffer)
    require("image_lsp.life").attached(client, buffer)
    require("image_lsp.root").attach_requirements(client, buffer)
  end,
}
