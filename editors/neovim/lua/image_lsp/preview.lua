--- The Dockerfile in a split: read-only, that of what is typed, and each side follows the cursor of the other.

local image_lsp = require("image_lsp")
local window = require("image_lsp.window")

local M = {}

--- How long it is waited after a move or a change, in milliseconds.
local PAUSE = 60

local marks = vim.api.nvim_create_namespace("image_lsp.preview")
local group = vim.api.nvim_create_augroup("image_lsp.preview", {})

---@class image_lsp.Preview
---@field client integer
---@field source integer the Python buffer
---@field argument table what the Dockerfile was asked for with
---@field layers table[]

--- What is shown, by buffer.
---@type table<integer, image_lsp.Preview>
local shown = {}
local timer = assert(vim.uv.new_timer())

---@param buffer integer
local function clear(buffer)
  if vim.api.nvim_buf_is_valid(buffer) then
    vim.api.nvim_buf_clear_namespace(buffer, marks, 0, -1)
  end
end

--- Marks whole lines, and brings them into view in every window of the buffer.
---@param buffer integer
---@param first integer zero-based
---@param last integer zero-based, included
local function mark(buffer, first, last)
  clear(buffer)
  local count = vim.api.nvim_buf_line_count(buffer)
  first, last = math.min(first, count - 1), math.min(last, count - 1)
  for line = first, last do
    vim.api.nvim_buf_set_extmark(buffer, marks, line, 0, { line_hl_group = "Visual" })
  end
  local current = vim.api.nvim_get_current_win()
  for _, win in ipairs(vim.fn.win_findbuf(buffer)) do
    if win ~= current then
      vim.api.nvim_win_set_cursor(win, { first + 1, 0 })
    end
  end
end

---@param text string
---@return string[]
local function lines_of(text)
  local lines = vim.split(text, "\n", { plain = true })
  if lines[#lines] == "" then
    table.remove(lines)
  end
  return lines
end

--- Puts an answer of the server into its buffer.
---@param buffer integer
---@param answer table
local function fill(buffer, answer)
  local lines = lines_of(answer.text)
  if not vim.deep_equal(lines, vim.api.nvim_buf_get_lines(buffer, 0, -1, false)) then
    window.set_lines(buffer, 0, -1, lines)
  end
  shown[buffer].layers = answer.layers
  local selection = answer.selection
  if type(selection) == "table" then
    local last = selection["end"].line - (selection["end"].character == 0 and 1 or 0)
    mark(buffer, selection.start.line, math.max(selection.start.line, last))
  else
    clear(buffer)
  end
end

--- The preview that a window of this tab page shows.
---@return integer?
local function visible()
  for _, win in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    local buffer = vim.api.nvim_win_get_buf(win)
    if shown[buffer] then
      return buffer
    end
  end
end

--- The cursor moved in the code, or the code changed: the preview is that of the image at the cursor.
---@param source integer
local function follow_code(source)
  local buffer = visible()
  local preview = buffer and shown[buffer]
  local client = preview and vim.lsp.get_client_by_id(preview.client)
  if not buffer or not preview or not client or vim.api.nvim_get_current_buf() ~= source then
    return
  end
  local here = image_lsp.here(client)
  image_lsp.ask(client, "imageLsp.showDockerfile", vim.tbl_extend("force", here, { show = false }), function(answer)
    if answer then
      return M.take(client.id, source, here, answer)
    end
    -- There is no image at the cursor: what is shown is only kept up to date.
    local again = vim.tbl_extend("force", { show = false }, preview.argument)
    image_lsp.ask(client, "imageLsp.showDockerfile", again, function(same)
      if same and vim.api.nvim_buf_is_valid(buffer) and shown[buffer] then
        fill(buffer, vim.tbl_extend("force", same, { selection = vim.NIL }))
      end
    end)
  end)
end

--- The cursor moved in the preview: the code shows the call that the line comes from.
---@param buffer integer
local function follow_preview(buffer)
  local preview = shown[buffer]
  if not preview or vim.api.nvim_get_current_buf() ~= buffer then
    return
  end
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  for _, layer in ipairs(preview.layers or {}) do
    local range = layer.range
    if line >= range.start.line and line < range["end"].line then
      mark(buffer, range.start.line, range["end"].line - 1)
      if type(layer.source) == "table" then
        local code = vim.uri_to_bufnr(layer.source.uri)
        if vim.api.nvim_buf_is_loaded(code) then
          mark(code, layer.source.range.start.line, layer.source.range["end"].line)
        end
      end
      return
    end
  end
end

---@param follow fun(buffer: integer)
local function soon(follow)
  return function(event)
    timer:start(
      PAUSE,
      0,
      vim.schedule_wrap(function()
        if vim.api.nvim_buf_is_valid(event.buf) then
          follow(event.buf)
        end
      end)
    )
  end
end

--- Shows an answer: in the buffer of its image, in the window of the one before.
---@param client integer
---@param source integer
---@param argument table
---@param answer table
function M.take(client, source, argument, answer)
  local before = visible()
  local buffer = window.buffer(answer.uri, "dockerfile")
  local is_new = not shown[buffer]
  shown[buffer] = { client = client, source = source, argument = argument, layers = answer.layers }
  if before and before ~= buffer then
    vim.api.nvim_win_set_buf(vim.fn.win_findbuf(before)[1], buffer)
    shown[before] = nil
    vim.api.nvim_clear_autocmds({ group = group, buffer = before })
  else
    window.show(buffer, "right")
  end
  if is_new then
    vim.api.nvim_create_autocmd("CursorMoved", { group = group, buffer = buffer, callback = soon(follow_preview) })
    vim.api.nvim_create_autocmd("BufWinLeave", {
      group = group,
      buffer = buffer,
      callback = function()
        local preview = shown[buffer]
        shown[buffer] = nil
        if preview then
          clear(preview.source)
          vim.api.nvim_clear_autocmds({ group = group, buffer = preview.source })
        end
        vim.api.nvim_clear_autocmds({ group = group, buffer = buffer })
      end,
    })
  end
  vim.api.nvim_clear_autocmds({ group = group, buffer = source })
  vim.api.nvim_create_autocmd({ "CursorMoved", "CursorMovedI", "TextChanged", "TextChangedI" }, {
    group = group,
    buffer = source,
    callback = soon(follow_code),
  })
  fill(buffer, answer)
end

--- Opens the Dockerfile of an image.
---@param client_id integer
---@param argument table
function M.open(client_id, argument)
  local client = assert(vim.lsp.get_client_by_id(client_id))
  local source = vim.uri_to_bufnr(argument.uri)
  local quiet = vim.tbl_extend("force", argument, { show = false })
  image_lsp.ask(client, "imageLsp.showDockerfile", quiet, function(answer, message)
    if not answer then
      return image_lsp.say(message or "there is no Dockerfile", vim.log.levels.ERROR)
    end
    M.take(client_id, source, argument, answer)
  end)
end

--- `:ImageLsp dockerfile`
function M.command()
  local client = image_lsp.client()
  if client then
    image_lsp.choose(client, "The Dockerfile of which image?", function(argument)
      M.open(client.id, argument)
    end)
  end
end

return M
