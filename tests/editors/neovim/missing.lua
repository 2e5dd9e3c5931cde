-- Without the program: said once, at the first file that speaks of flyte.
local said = {}
vim.notify = function(text)
  table.insert(said, text)
end
local folder = vim.fn.tempname()
vim.fn.mkdir(folder, "p")
vim.fn.writefile({ "print(1)" }, folder .. "/plain.py")
vim.cmd.edit(folder .. "/plain.py")
assert(#said == 0, vim.inspect(said))
for _, name in ipairs({ "a.py", "b.py" }) do
  vim.fn.writefile({ "import flyte" }, folder .. "/" .. name)
  vim.cmd.edit(folder .. "/" .. name)
end
assert(#said == 1 and said[1]:find("image-lsp is not there", 1, true), vim.inspect(said))
vim.cmd("ImageLsp build")
assert(#said == 2 and said[2]:find("no server is attached", 1, true), vim.inspect(said))
vim.cmd("checkhealth image_lsp")
local health = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
assert(health:find("ERROR image%-lsp is not there"), health)
io.stdout:write("  ok   without the program it is said, once\n")
vim.cmd("qa!")
