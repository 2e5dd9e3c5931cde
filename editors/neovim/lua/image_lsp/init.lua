--- `:ImageLsp` and its words, and `setup`, which nobody has to call.

local M = {}

--- What |image_lsp.setup()| takes.
---@class image_lsp.Options
---@field cmd? string[] the server's command line
---@field settings? table settings, as docs/settings.md has them: `{ imageLsp = { … } }`, or what is in it
---@field trust? boolean|fun(root: string): boolean whether code of a project may be run, for comparisons and remote builds

---@type image_lsp.Options
M.options = {}

--- Changes the usual behaviour.
---@param options? image_lsp.Options
function M.setup(options)
  M.options = options or {}
  local settings = M.options.settings
  if settings and not settings.imageLsp then
    settings = { imageLsp = settings }
  end
  vim.lsp.config("image_lsp", { cmd = M.options.cmd, settings = settings, init_options = settings })
  vim.lsp.enable("image_lsp")
end

--- Says something.
---@param text string
---@param level? integer
function M.say(text, level)
  vim.notify("image-lsp: " .. text, level or vim.log.levels.INFO)
end

--- The client of a buffer; nil, and a word about it, where there is none.
---@param buffer? integer
---@return vim.lsp.Client?
function M.client(buffer)
  local client = vim.lsp.get_clients({ name = "image_lsp", bufnr = buffer or 0 })[1]
  if not client then
    M.say("no server is attached to this buffer; :checkhealth image_lsp tells more", vim.log.levels.WARN)
  end
  return client
end

--- Asks the server to run a command.
---@param client vim.lsp.Client
---@param command string
---@param argument table
---@param done fun(result: any, message: string?)
---@return integer? request
function M.ask(client, command, argument, done)
  local _, request = client:request("workspace/executeCommand", {
    command = command,
    arguments = { argument },
  }, function(failure, result)
    done(result, failure and failure.message)
  end)
  return request
end

--- What commands on the image at the cursor take.
---@param client vim.lsp.Client
---@param window? integer
---@return { uri: string, range: lsp.Range }
function M.here(client, window)
  local place = vim.lsp.util.make_position_params(window or 0, client.offset_encoding)
  return { uri = place.textDocument.uri, range = { start = place.position, ["end"] = place.position } }
end

--- Finds the image at the cursor, the only one, or lets somebody choose.
---@param client vim.lsp.Client
---@param prompt string
---@param done fun(argument: table)
function M.choose(client, prompt, done)
  local here = M.here(client)
  M.ask(client, "imageLsp.status", { uri = here.uri }, function(status, message)
    if not status then
      return M.say(message or "no answer", vim.log.levels.ERROR)
    end
    local images = status.images or {}
    local place = here.range.start
    local function contains(range)
      local after = place.line > range.start.line
        or (place.line == range.start.line and place.character >= range.start.character)
      local before = place.line < range["end"].line
        or (place.line == range["end"].line and place.character <= range["end"].character)
      return after and before
    end
    for _, image in ipairs(images) do
      if contains(image.range) or #images == 1 then
        return done({ uri = here.uri, name = image.name, range = here.range })
      end
    end
    if #images == 0 then
      return M.say("there is no image in this file", vim.log.levels.WARN)
    end
    vim.ui.select(images, {
      prompt = prompt,
      format_item = function(image)
        return ("%s  %s"):format(image.name, image.uri ~= vim.NIL and image.uri or "(address not known)")
      end,
    }, function(image)
      if image then
        done({ uri = here.uri, name = image.name, range = image.range })
      end
    end)
  end)
end

--- Puts an address into the registers for yanked text.
---@param text string
function M.copy(text)
  vim.fn.setreg('"', text)
  if vim.fn.has("clipboard") == 1 then
    vim.fn.setreg("+", text)
  end
  M.say("copied " .. text)
end

---@param module string
---@param name string
local function later(module, name)
  return function(...)
    return require("image_lsp." .. module)[name](...)
  end
end

--- The words behind `:ImageLsp`: what they do, and what may follow them.
---@type table<string, { run: fun(rest: string[], bang: boolean), complete?: string[] }>
M.words = {
  build = { run = later("build", "command"), complete = { "local", "local-podman", "remote" } },
  cancel = { run = later("build", "cancel") },
  dockerfile = { run = later("preview", "command") },
  verify = { run = later("verify", "command") },
  inspect = { run = later("info", "inspect") },
  info = { run = later("info", "info") },
  log = { run = later("info", "log") },
  copy = { run = later("info", "copy_uri") },
  trust = { run = later("trust", "command") },
  restart = { run = later("info", "restart") },
}

--- Runs `:ImageLsp`.
---@param words string[]
---@param bang boolean
function M.run(words, bang)
  local word = M.words[words[1] or "info"]
  if not word then
    return M.say(("there is no :ImageLsp %s"):format(words[1]), vim.log.levels.ERROR)
  end
  word.run(vim.list_slice(words, 2), bang)
end

--- Completes `:ImageLsp`.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local words = vim.split(vim.trim(line), "%s+")
  local number = #words + (lead == "" and 1 or 0)
  local offered = {}
  if number == 2 then
    offered = vim.tbl_keys(M.words)
  elseif number == 3 and M.words[words[2]] then
    offered = M.words[words[2]].complete or {}
  end
  table.sort(offered)
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, offered)
end

return M
