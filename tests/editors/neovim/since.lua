-- The plugin uses no function that the news of Neovim 0.12 and later tell of, but behind a question. PLUGIN is the plugin's
-- folder.
local later = {}
for line in io.lines(vim.api.nvim_get_runtime_file("doc/news.txt", false)[1]) do
  for name in line:gmatch("|([%w_.:]+)%(%)|") do
    later[name] = true
  end
end
-- Old functions that can do more now: the plugin uses what they always could.
local old = { "diagnostic.get", "fs.root", "json.encode", "lsp.enable", "tbl_deep_extend", "tbl_extend", "wait" }
for _, name in ipairs(old) do
  assert(later["vim." .. name], name)
  later["vim." .. name] = nil
end
assert(later["vim.lsp.is_enabled"], "these are not the news of Neovim 0.12")
local wrong = {}
for path, kind in vim.fs.dir(vim.env.PLUGIN, { depth = 5 }) do
  if kind == "file" and path:match("%.lua$") then
    local before = ""
    for line in io.lines(vim.env.PLUGIN .. "/" .. path) do
      for name in line:gmatch("vim[%w_.]+") do
        local is_asked = before:find("Neovim 0.11 does not tell", 1, true)
        if later[name] and not is_asked then
          table.insert(wrong, ("%s uses %s, which is new or another one"):format(path, name))
        end
      end
      before = line
    end
  end
end
io.stdout:write(("  ok   %d functions are new or others, and none of them is used unasked\n"):format(vim.tbl_count(later)))
assert(#wrong == 0, table.concat(wrong, "\n"))
vim.cmd("qa!")
