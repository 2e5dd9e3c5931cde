--- What is known: of an image, of the server, and what it logged.

local image_lsp = require("image_lsp")
local window = require("image_lsp.window")

local M = {}

--- Shows text in a split of its own.
---@param name string
---@param filetype string
---@param text string
local function show(name, filetype, text)
  local buffer = window.buffer(name, filetype)
  window.set_lines(buffer, 0, -1, vim.split(text, "\n", { plain = true }))
  window.show(buffer, "below")
end

--- JSON that a person can read, its keys in order.
---@param value any
---@param indent string
---@return string
local function pretty(value, indent)
  if type(value) ~= "table" or next(value) == nil then
    return vim.json.encode(value)
  end
  local deeper, lines = indent .. "  ", {}
  if vim.islist(value) then
    for _, item in ipairs(value) do
      table.insert(lines, deeper .. pretty(item, deeper))
    end
    return "[\n" .. table.concat(lines, ",\n") .. "\n" .. indent .. "]"
  end
  local keys = vim.tbl_keys(value)
  table.sort(keys)
  for _, key in ipairs(keys) do
    table.insert(lines, ("%s%s: %s"):format(deeper, vim.json.encode(key), pretty(value[key], deeper)))
  end
  return "{\n" .. table.concat(lines, ",\n") .. "\n" .. indent .. "}"
end

--- Asks for everything that is known of the image at the cursor, or of one that somebody chooses.
---@param prompt string
---@param done fun(image: table)
local function inspect(prompt, done)
  local client = image_lsp.client()
  if not client then
    return
  end
  image_lsp.choose(client, prompt, function(argument)
    image_lsp.ask(client, "imageLsp.inspect", argument, function(image, message)
      if not image then
        return image_lsp.say(message or "no answer", vim.log.levels.ERROR)
      end
      done(image)
    end)
  end)
end

--- `:ImageLsp inspect`: everything that is known of an image.
function M.inspect()
  inspect("Inspect which image?", function(image)
    show("image-lsp://inspect", "json", pretty(image, ""))
  end)
end

--- `:ImageLsp info`: the server, the environment and the release of flyte.
function M.info()
  local client = image_lsp.client()
  if not client then
    return
  end
  image_lsp.ask(client, "imageLsp.debugInfo", { uri = vim.uri_from_bufnr(0) }, function(text, message)
    if not text then
      return image_lsp.say(message or "no answer", vim.log.levels.ERROR)
    end
    show("image-lsp://info", "text", vim.trim(text))
  end)
end

--- `:ImageLsp log`: the log of the last build; with a bang that of Neovim's client.
---@param _ string[]
---@param bang boolean
function M.log(_, bang)
  if bang then
    return vim.cmd.tabnew(vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path())
  end
  window.show(window.buffer("image-lsp://build", "imagebuildlog"), "below")
end

--- `:ImageLsp copy`: the address of the image at the cursor.
function M.copy_uri()
  inspect("Copy the URI of which image?", function(image)
    local variant = image.variants[1]
    if not variant or type(variant.uri) ~= "string" then
      return image_lsp.say("the address is not known: the hover says why", vim.log.levels.WARN)
    end
    image_lsp.copy(variant.uri)
  end)
end

--- How long a server may take to end, in milliseconds.
local STOP_PATIENCE = 3000

--- `:ImageLsp restart`
function M.restart()
  local buffers = {}
  vim.lsp.enable("image_lsp", false)
  for _, client in ipairs(vim.lsp.get_clients({ name = "image_lsp" })) do
    vim.list_extend(buffers, vim.tbl_keys(client.attached_buffers))
    client:stop()
  end
  local function is_gone()
    return #vim.lsp.get_clients({ name = "image_lsp" }) == 0
  end
  if not vim.wait(STOP_PATIENCE, is_gone, 20) then
    for _, client in ipairs(vim.lsp.get_clients({ name = "image_lsp" })) do
      client:stop(true)
    end
  end
  local life = require("image_lsp.life")
  life.reset()
  vim.lsp.enable("image_lsp")
  -- Neovim 0.11 looks only at buffers that come; and there may have been no server any more.
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) and not vim.list_contains(buffers, buffer) then
      table.insert(buffers, buffer)
    end
  end
  life.again(buffers)
end

return M
