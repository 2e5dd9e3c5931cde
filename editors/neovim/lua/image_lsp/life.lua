--- A server that ends by itself is started again, later and later, and then given up.

local M = {}

--- How long it is waited before each further start, in milliseconds.
M.delays = { 1000, 2000, 4000, 8000 }
--- Ends that lie further back do not count, in milliseconds.
local WINDOW = 180000
--- How long Neovim may take to forget a client, in milliseconds.
local CLEAN_UP = 1000
--- What Neovim itself ends a server with.
local SIGTERM = 15

--- The buffers of each client.
---@type table<integer, table<integer, true>>
local buffers = {}
--- The project of each client.
---@type table<integer, string>
local roots = {}
--- When the server of a project ended.
---@type table<string, integer[]>
local ends = {}

--- Notes a buffer of a client.
---@param client vim.lsp.Client
---@param buffer integer
function M.attached(client, buffer)
  roots[client.id] = client.root_dir or ""
  buffers[client.id] = buffers[client.id] or {}
  buffers[client.id][buffer] = true
end

--- Starts the server again for buffers that had one.
---@param lost integer[]
function M.again(lost)
  for _, buffer in ipairs(lost) do
    local is_open = vim.api.nvim_buf_is_valid(buffer) and vim.bo[buffer].filetype == "python"
    if is_open and #vim.lsp.get_clients({ name = "image_lsp", bufnr = buffer }) == 0 then
      pcall(vim.api.nvim_exec_autocmds, "FileType", { group = "nvim.lsp.enable", buffer = buffer })
    end
  end
end

--- `on_exit` of the configuration.
---@param code integer
---@param signal integer
---@param client integer
function M.ended(code, signal, client)
  local lost, root = vim.tbl_keys(buffers[client] or {}), roots[client] or ""
  buffers[client], roots[client] = nil, nil
  if vim.v.exiting ~= vim.NIL or signal == SIGTERM or (code == 0 and signal == 0) then
    return
  end
  local now = vim.uv.now()
  local own = vim.tbl_filter(function(time)
    return now - time < WINDOW
  end, ends[root] or {})
  local delay = M.delays[#own + 1]
  table.insert(own, now)
  ends[root] = own
  vim.schedule(function()
    local how = signal ~= 0 and ("signal %d"):format(signal) or ("status %d"):format(code)
    if not delay then
      require("image_lsp").say(
        ("the server ended %d times (%s); :ImageLsp restart starts it, :ImageLsp! log shows why"):format(#own, how),
        vim.log.levels.ERROR
      )
      return
    end
    vim.defer_fn(function()
      -- Neovim takes the old client from its buffers one after the other.
      vim.wait(CLEAN_UP, function()
        return vim.lsp.get_client_by_id(client) == nil
      end, 10)
      M.again(lost)
    end, delay)
  end)
end

--- The user starts the server: what was is forgotten.
function M.reset()
  ends = {}
end

return M
