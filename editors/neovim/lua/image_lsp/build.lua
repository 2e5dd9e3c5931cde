--- `:ImageLsp build`: the log in a split, what failed in the quickfix list, and progress as `LspProgress` has it.

local image_lsp = require("image_lsp")
local window = require("image_lsp.window")

local M = {}

--- How long the mark of a failed step may take after the answer, in milliseconds.
local MARK_PATIENCE = 2000
local NAME = "image-lsp://build"

local MARKS = { stdout = "  ", stderr = "  ", status = "", warning = "warning: " }

--- Builds that run: the tokens of their progress, by client.
---@type table<integer, table<string|integer, true>>
local running = {}

---@return integer
local function log_buffer()
  return window.buffer(NAME, "imagebuildlog")
end

--- Adds a line to the log; windows at its end follow.
---@param line string
local function append(line)
  local buffer = log_buffer()
  local count = vim.api.nvim_buf_line_count(buffer)
  local is_empty = count == 1 and vim.api.nvim_buf_get_lines(buffer, 0, 1, false)[1] == ""
  local text = (line:gsub("[\r\n]", ""))
  window.set_lines(buffer, is_empty and 0 or count, -1, { text })
  for _, win in ipairs(vim.fn.win_findbuf(buffer)) do
    if win ~= vim.api.nvim_get_current_win() then
      vim.api.nvim_win_set_cursor(win, { vim.api.nvim_buf_line_count(buffer), 0 })
    end
  end
end

--- Takes a line of a build.
---@param line { token: string|integer|vim.NIL, stream: string, line: string }
---@param client integer
function M.on_log(line, client)
  if line.token ~= vim.NIL and line.token ~= nil then
    running[client] = running[client] or {}
    running[client][line.token] = true
  end
  append((MARKS[line.stream] or "") .. line.line)
end

--- What failed builds left in buffers.
---@return vim.Diagnostic[]
local function failures()
  return vim.tbl_filter(function(diagnostic)
    return diagnostic.source == "image build"
  end, vim.diagnostic.get())
end

--- Fills the quickfix list with what failed; where no step is marked, with the message.
---@param message string
---@param uri string
local function quickfix(message, uri)
  local items = vim.diagnostic.toqflist(failures())
  if #items == 0 then
    items = { { bufnr = vim.uri_to_bufnr(uri), lnum = 1, col = 1, text = vim.split(message, "\n")[1], type = "E" } }
  end
  vim.fn.setqflist({}, " ", { title = "image-lsp build", items = items })
end

---@param name string
---@param result table?
---@param message string?
---@param uri string
local function done(name, result, message, uri)
  if result then
    if result.status == "cancelled" then
      append(name .. ": cancelled")
      return image_lsp.say("cancelled the build of " .. name)
    end
    local what = result.status == "exists" and "is already there" or "is built"
    append(("%s %s"):format(result.uri, what))
    return image_lsp.say(("%s %s"):format(result.uri, what))
  end
  for number, line in ipairs(vim.split(message or "no answer", "\n")) do
    append((number == 1 and "error: " or "  ") .. line)
  end
  vim.wait(MARK_PATIENCE, function()
    return #failures() > 0
  end, 20)
  quickfix(message or "no answer", uri)
  image_lsp.say(vim.split(message or "no answer", "\n")[1], vim.log.levels.ERROR)
end

--- Builds an image.
---@param client_id integer
---@param argument table
function M.build(client_id, argument)
  local client = assert(vim.lsp.get_client_by_id(client_id))
  if argument.builder == "remote" and not require("image_lsp.trust").ensure(client) then
    return
  end
  window.set_lines(log_buffer(), 0, -1, {})
  window.show(log_buffer(), "below")
  local name = argument.name or "the image"
  image_lsp.ask(client, "imageLsp.build", argument, function(result, message)
    running[client_id] = nil
    done(name, result, message, argument.uri)
  end)
end

--- Cancels the builds that run.
function M.cancel()
  local count = 0
  for id, tokens in pairs(running) do
    local client = vim.lsp.get_client_by_id(id)
    for token in pairs(client and tokens or {}) do
      client:notify("window/workDoneProgress/cancel", { token = token })
      count = count + 1
    end
  end
  if count == 0 then
    image_lsp.say("no build runs")
  end
end

--- `:ImageLsp build [BUILDER]`; with a bang also what is there already.
---@param rest string[]
---@param bang boolean
function M.command(rest, bang)
  local client = image_lsp.client()
  if client then
    image_lsp.choose(client, "Build which image?", function(argument)
      M.build(client.id, vim.tbl_extend("force", argument, { builder = rest[1], force = bang or nil }))
    end)
  end
end

return M
