--- Loaded at the start: one command, and the server for Python files in projects. Everything else is loaded when it is used.

if vim.g.loaded_image_lsp then
  return
end
vim.g.loaded_image_lsp = true

if vim.fn.has("nvim-0.11") == 0 then
  vim.notify_once("image-lsp needs Neovim 0.11 or newer", vim.log.levels.WARN)
  return
end

vim.api.nvim_create_user_command("ImageLsp", function(call)
  require("image_lsp").run(call.fargs, call.bang)
end, {
  nargs = "*",
  bang = true,
  desc = "Images for Flyte: build, Dockerfile, comparison, and what is known of them",
  complete = function(lead, line)
    return require("image_lsp").complete(lead, line)
  end,
})

-- The queries put several nodes together, which Neovim does since 0.12.
if vim.fn.has("nvim-0.12") == 1 then
  local here = debug.getinfo(1, "S").source:sub(2)
  vim.opt.runtimepath:append(vim.fs.joinpath(vim.fs.dirname(vim.fs.dirname(here)), "nvim-0.12"))
end

if vim.g.image_lsp_enable ~= false then
  vim.lsp.enable("image_lsp")
  vim.api.nvim_create_autocmd("FileType", {
    group = vim.api.nvim_create_augroup("image_lsp", {}),
    pattern = "python",
    callback = function(event)
      -- True takes the autocommand away.
      return require("image_lsp.root").look_for_program(event.buf)
    end,
  })
end
