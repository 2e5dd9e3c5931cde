--- Whether the code of a project may be run: comparisons and remote builds do. Nothing is trusted until somebody says so;
--- what was said is kept in the folder for state.

local M = {}

---@return string
local function file()
  return vim.fs.joinpath(vim.fn.stdpath("state") --[[@as string]], "image_lsp_trusted")
end

---@return string[]
local function known()
  return vim.fn.filereadable(file()) == 1 and vim.fn.readfile(file()) or {}
end

---@param root string?
---@return boolean
function M.is_trusted(root)
  if not root then
    return false
  end
  local trust = require("image_lsp").options.trust
  if type(trust) == "function" then
    return trust(root) == true
  elseif trust ~= nil then
    return trust == true
  end
  return vim.list_contains(known(), vim.fs.normalize(root))
end

--- Trusts a project, or does not any more, and tells its server.
---@param client vim.lsp.Client
---@param trusted boolean
function M.set(client, trusted)
  local root = vim.fs.normalize(client.root_dir or "")
  local folders = vim.tbl_filter(function(folder)
    return folder ~= root
  end, known())
  if trusted and root ~= "" then
    table.insert(folders, root)
  end
  vim.fn.mkdir(vim.fs.dirname(file()), "p")
  vim.fn.writefile(folders, file())
  client:notify("imageLsp/didChangeWorkspaceTrust", { trusted = trusted })
end

--- Asks for trust where it is not there yet. Whether it is there.
---@param client vim.lsp.Client
---@return boolean
function M.ensure(client)
  if M.is_trusted(client.root_dir) then
    return true
  end
  local question = ("flyte would run the code of\n%s\nDo you trust it?"):format(client.root_dir or "this file")
  if vim.fn.confirm(question, "&Yes\n&No", 2) ~= 1 then
    return false
  end
  M.set(client, true)
  return true
end

--- `:ImageLsp trust`, and `:ImageLsp! trust`, which takes it back.
---@param _ string[]
---@param bang boolean
function M.command(_, bang)
  local image_lsp = require("image_lsp")
  local client = image_lsp.client()
  if client then
    M.set(client, not bang)
    image_lsp.say(("%s is %s"):format(client.root_dir or "", bang and "not trusted any more" or "trusted"))
  end
end

return M
