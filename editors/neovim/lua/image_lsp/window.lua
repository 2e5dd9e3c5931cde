--- Buffers that hold no files: the Dockerfile, the log of a build, what is known of an image.

local M = {}

--- The buffer of a name, made where there is none.
---@param name string
---@param filetype string
---@return integer
function M.buffer(name, filetype)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_get_name(buffer) == name then
      return buffer
    end
  end
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_name(buffer, name)
  vim.bo[buffer].buftype = "nofile"
  vim.bo[buffer].swapfile = false
  vim.bo[buffer].bufhidden = "hide"
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].filetype = filetype
  vim.keymap.set("n", "q", "<Cmd>close<CR>", { buffer = buffer, desc = "Close" })
  return buffer
end

--- Sets lines of a buffer that nobody else may change.
---@param buffer integer
---@param first integer zero-based
---@param last integer as nvim_buf_set_lines takes it
---@param lines string[]
function M.set_lines(buffer, first, last, lines)
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, first, last, false, lines)
  vim.bo[buffer].modifiable = false
end

--- The window that shows a buffer in this tab page, opened where there is none; the cursor stays where it is.
---@param buffer integer
---@param split "right"|"below"
---@return integer
function M.show(buffer, split)
  for _, window in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    if vim.api.nvim_win_get_buf(window) == buffer then
      return window
    end
  end
  local height = split == "below" and math.max(8, math.floor(vim.o.lines / 4)) or nil
  local window = vim.api.nvim_open_win(buffer, false, { split = split, height = height })
  vim.wo[window].wrap = false
  return window
end

return M
