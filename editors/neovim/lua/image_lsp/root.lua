--- To which buffers the server attaches: Python files in projects, scripts that speak of flyte, and the requirements files
--- and projects beside them. Everything else costs a look at the file's name.

local M = {}

--- What makes a folder a project.
M.markers = {
  { "image-lsp.toml", "pyproject.toml", "pixi.toml", "uv.lock", "requirements.txt", "setup.py", "setup.cfg", ".flyte" },
  { ".venv", ".git" },
}

--- How many lines of a file without a project are looked at.
local LINES = 100

---@param buffer integer
---@return boolean
local function speaks_of_flyte(buffer)
  for _, line in ipairs(vim.api.nvim_buf_get_lines(buffer, 0, LINES, false)) do
    if line:match("^# /// script") or line:match("^%s*import flyte") or line:match("^%s*from flyte") then
      return true
    end
  end
  return false
end

--- Whether a file is one that images may be made from.
---@param path string
---@return boolean
local function is_manifest(path)
  local name = vim.fs.basename(path)
  return name:match("%.txt$") ~= nil or name:match("%.in$") ~= nil or name == "pyproject.toml" or name == "pixi.toml"
end

--- The client in whose project a path lies.
---@param path string
---@return vim.lsp.Client?
local function client_around(path)
  for _, client in ipairs(vim.lsp.get_clients({ name = "image_lsp" })) do
    local root = client.root_dir
    if root and (vim.fs.relpath(root, path) ~= nil) then
      return client
    end
  end
end

--- `root_dir` of the configuration.
---@param buffer integer
---@param attach fun(root: string)
function M.find(buffer, attach)
  local path = vim.api.nvim_buf_get_name(buffer)
  if path == "" or path:match("^%w[%w+.-]+:") or vim.bo[buffer].buftype ~= "" then
    return
  end
  if vim.bo[buffer].filetype ~= "python" then
    local client = is_manifest(path) and client_around(path)
    return client and attach(client.root_dir) or nil
  end
  local root = vim.fs.root(buffer, M.markers[1]) or vim.fs.root(buffer, M.markers[2])
  if not root and speaks_of_flyte(buffer) then
    root = vim.fs.dirname(path)
  end
  if root then
    attach(root)
  end
end

--- Says once that the program is missing, where a file speaks of flyte: Neovim only logs it. Whether there is nothing more to
--- look at.
---@param buffer integer
---@return boolean
function M.look_for_program(buffer)
  local cmd = vim.lsp.config.image_lsp.cmd
  if type(cmd) ~= "table" or vim.fn.executable(cmd[1]) == 1 then
    return true
  end
  if not speaks_of_flyte(buffer) then
    return false
  end
  local text = "image-lsp: %s is not there, or not to be run; :checkhealth image_lsp tells what to do"
  vim.notify(text:format(cmd[1]), vim.log.levels.WARN)
  return true
end

--- Attaches to the requirements files and projects that are open already, once there is a server for them.
---@param client vim.lsp.Client
---@param buffer integer
function M.attach_requirements(client, buffer)
  if vim.bo[buffer].filetype ~= "python" then
    return
  end
  for _, other in ipairs(vim.api.nvim_list_bufs()) do
    local filetype = vim.api.nvim_buf_is_loaded(other) and vim.bo[other].filetype
    local path = vim.api.nvim_buf_get_name(other)
    local fits = (filetype == "requirements" or filetype == "toml") and is_manifest(path)
    if fits and client_around(path) == client and not vim.lsp.buf_is_attached(other, client.id) then
      vim.lsp.buf_attach_client(other, client.id)
    end
  end
end

return M
