--- `:ImageLsp verify`: the images of a file as the installed flyte sees them, beside the predictions.

local image_lsp = require("image_lsp")

local M = {}

---@param verified table
---@return string text
---@return boolean is_wrong
function M.summary(verified)
  local counts, reason, difference = { equal = 0, different = 0, ["not-comparable"] = 0 }, nil, nil
  for _, image in ipairs(verified.images) do
    counts[image.verdict] = counts[image.verdict] + 1
    reason = reason or (type(image.reason) == "string" and image.reason or nil)
    difference = difference or (type(image.difference) == "table" and image.difference.message or nil)
  end
  local flyte = "flyte " .. verified.flyte_version
  if counts.different > 0 then
    return ("%s makes something else of %d images: %s"):format(flyte, counts.different, difference or ""), true
  end
  local text = ("%d of %d images are what %s makes of them"):format(counts.equal, #verified.images, flyte)
  if counts["not-comparable"] > 0 then
    text = ("%s; %d cannot be compared: %s"):format(text, counts["not-comparable"], reason or "")
  end
  return text, false
end

--- Compares the images of a file.
---@param client_id integer
---@param argument table
function M.verify(client_id, argument)
  local client = assert(vim.lsp.get_client_by_id(client_id))
  if not require("image_lsp.trust").ensure(client) then
    return
  end
  image_lsp.ask(client, "imageLsp.verify", argument, function(verified, message)
    if not verified then
      return image_lsp.say(message or "no answer", vim.log.levels.ERROR)
    end
    local text, is_wrong = M.summary(verified)
    image_lsp.say(text, is_wrong and vim.log.levels.WARN or vim.log.levels.INFO)
  end)
end

--- `:ImageLsp verify`
function M.command()
  local client = image_lsp.client()
  if client then
    M.verify(client.id, { uri = vim.uri_from_bufnr(0) })
  end
end

return M
