--- `:checkhealth image_lsp`

local M = {}

local MINIMUM = { 0, 1, 0 }
--- How long a program may take to print its version, in milliseconds.
local PATIENCE = 10000

---@return string[]?
local function command()
  local config = vim.lsp.config.image_lsp
  local cmd = config and config.cmd
  return type(cmd) == "table" and cmd or nil
end

local function neovim()
  vim.health.start("Neovim")
  if vim.fn.has("nvim-0.11") == 1 then
    vim.health.ok("Neovim " .. tostring(vim.version()))
  else
    vim.health.error("Neovim is older than 0.11", "Take a newer one.")
  end
  for _, parser in ipairs({ "python", "toml", "bash", "dockerfile" }) do
    if pcall(vim.treesitter.language.add, parser) and #vim.api.nvim_get_runtime_file("parser/" .. parser .. ".*", false) > 0 then
      vim.health.ok(("the parser for %s is there"):format(parser))
    else
      vim.health.info(("the parser for %s is missing: what is coloured with it stays plain"):format(parser))
    end
  end
end

local function program()
  vim.health.start("The program")
  local cmd = command()
  if not cmd then
    return vim.health.ok("it is started by a function of yours")
  end
  if vim.fn.executable(cmd[1]) == 0 then
    return vim.health.error(
      ("%s is not there, or not to be run"):format(cmd[1]),
      "Install it, or name it: vim.lsp.config('image_lsp', { cmd = { 'PATH', '--stdio' } })"
    )
  end
  local ok, ran = pcall(function()
    return vim.system({ cmd[1], "--version" }, { text = true, timeout = PATIENCE }):wait()
  end)
  local version = ok and ran.code == 0 and (ran.stdout or ""):match("^image%-lsp (%d+%.%d+%.%d+)")
  if not version then
    return vim.health.error(("%s does not say that it is image-lsp"):format(vim.fn.exepath(cmd[1])))
  end
  if vim.version.lt(version, MINIMUM) then
    return vim.health.error(
      ("image-lsp %s is too old"):format(version),
      ("Take %s or newer."):format(table.concat(MINIMUM, "."))
    )
  end
  vim.health.ok(("image-lsp %s, %s"):format(version, vim.fn.exepath(cmd[1])))
end

local function server()
  vim.health.start("The server")
  -- Neovim 0.11 does not tell.
  if vim.lsp.is_enabled and not vim.lsp.is_enabled("image_lsp") then
    vim.health.warn("it is not enabled", "vim.lsp.enable('image_lsp')")
  end
  local clients = vim.lsp.get_clients({ name = "image_lsp" })
  if #clients == 0 then
    return vim.health.info("it does not run: no Python file of a project is open")
  end
  for _, client in ipairs(clients) do
    local trusted = require("image_lsp.trust").is_trusted(client.root_dir) and "trusted" or "not trusted"
    vim.health.ok(("it runs for %s (%s)"):format(client.root_dir or "single files", trusted))
    local buffer = next(client.attached_buffers)
    local argument = buffer and { uri = vim.uri_from_bufnr(buffer) } or {}
    local answer = client:request_sync("workspace/executeCommand", {
      command = "imageLsp.debugInfo",
      arguments = { argument },
    }, PATIENCE)
    for line in vim.gsplit(answer and answer.result or "", "\n", { trimempty = true }) do
      if not vim.startswith(line, "client:") then
        vim.health.info(line)
      end
    end
  end
end

function M.check()
  neovim()
  if vim.fn.has("nvim-0.11") == 1 then
    program()
    server()
  end
end

return M
