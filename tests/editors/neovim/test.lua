-- Runs in a real, headless Neovim with nothing but the plugin on the runtime path. Each test is a function; `ONLY` picks
-- some by a part of their names. WORKSPACE is a copy of the fixtures.
local only = vim.env.ONLY or ""
local workspace = assert(vim.env.WORKSPACE)
local said = {}
vim.notify = function(text, level)
  table.insert(said, { text = text, level = level })
end

local function wait(what, limit)
  if not vim.wait(limit or 20000, what, 10) then
    error("not in time: " .. vim.inspect({ said = said, messages = vim.fn.execute("messages") }), 2)
  end
end

local function says(part)
  wait(function()
    return vim.iter(said):any(function(one)
      return one.text:find(part, 1, true) ~= nil
    end)
  end)
end

local function client(buffer)
  return vim.lsp.get_clients({ name = "image_lsp", bufnr = buffer or 0 })[1]
end

local function open(name)
  vim.cmd.edit(vim.fn.fnameescape(workspace .. "/" .. name))
  local buffer = vim.api.nvim_get_current_buf()
  wait(function()
    return client(buffer) and client(buffer).initialized
  end)
  return buffer
end

--- Puts the cursor on a text.
local function cursor(text)
  local line = vim.fn.search("\\V" .. vim.fn.escape(text, "\\"), "cw")
  assert(line > 0, "there is no " .. text)
  -- Headless, nobody types: the event comes by hand.
  vim.api.nvim_exec_autocmds("CursorMoved", { buffer = vim.api.nvim_get_current_buf() })
end

local function text(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\n")
end

local function named(part)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_get_name(buffer):find(part, 1, true) and #vim.fn.win_findbuf(buffer) > 0 then
      return buffer
    end
  end
end

local function codes(buffer)
  return vim.tbl_map(function(diagnostic)
    return diagnostic.code
  end, vim.diagnostic.get(buffer))
end

local function marked(buffer)
  local marks = vim.api.nvim_buf_get_extmarks(buffer, vim.api.nvim_create_namespace("image_lsp.preview"), 0, -1, {})
  return vim.tbl_map(function(mark)
    return vim.api.nvim_buf_get_lines(buffer, mark[2], mark[2] + 1, false)[1]
  end, marks)
end

--- Kills the servers that this Neovim started.
local function kill()
  for _, process in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do
    vim.uv.kill(process, "sigkill")
  end
end

local tests = {}

tests["a file outside of projects costs nothing"] = function()
  local other = vim.fn.tempname() .. ".py"
  vim.fn.writefile({ "print(1)" }, other)
  vim.cmd.edit(other)
  vim.cmd.edit(vim.fn.tempname() .. ".txt")
  assert(#vim.lsp.get_clients() == 0)
  for module in pairs(package.loaded) do
    assert(not vim.startswith(module, "image_lsp") or module == "image_lsp.root", module)
  end
end

tests["a script that speaks of flyte needs no project"] = function()
  local folder = vim.fn.tempname()
  vim.fn.mkdir(folder, "p")
  vim.fn.writefile({ "import flyte", "image = flyte.Image.from_debian_base(name='n', python_version=(3, 12))" }, folder .. "/a.py")
  vim.cmd.edit(folder .. "/a.py")
  wait(function()
    return client()
  end)
  assert(client().root_dir == folder, client().root_dir)
  client():stop(true)
end

tests["mistakes, and their fixes"] = function()
  local buffer = open("mistake.py")
  wait(function()
    return vim.list_contains(codes(buffer), "IMG005")
  end)
  local found = vim.diagnostic.get(buffer)[1]
  local place = { found.lnum + 1, found.col }
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(action)
      return action.isPreferred
    end,
    context = { only = { "quickfix" }, diagnostics = { found.user_data.lsp } },
    range = { start = place, ["end"] = place },
  })
  wait(function()
    return text(buffer):find('with_pip_packages("httpx==0.27.0", "pandas==2.2.0")', 1, true)
  end)
  wait(function()
    return not vim.list_contains(codes(buffer), "IMG005")
  end)
  vim.cmd("edit!")
end

tests["hovers are windows with the lines of the Dockerfile"] = function()
  open("train.py")
  cursor("with_apt_packages")
  local float
  wait(function()
    vim.lsp.buf.hover()
    vim.wait(200, function()
      float = vim.iter(vim.api.nvim_list_wins()):find(function(window)
        return vim.api.nvim_win_get_config(window).relative ~= ""
      end)
      return float ~= nil
    end)
    return float and text(vim.api.nvim_win_get_buf(float)):find("apt-get install", 1, true)
  end)
  vim.api.nvim_win_close(float, true)
end

tests["lenses run what they say"] = function()
  local buffer = open("train.py")
  local own = client()
  local lenses
  wait(function()
    local parameters = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
    lenses = own:request_sync("textDocument/codeLens", parameters, 5000).result
    return #lenses > 2
  end)
  local by = {}
  for _, lens in ipairs(lenses) do
    by[lens.command.title] = lens.command
  end
  own:exec_cmd(by["Copy URI"], { bufnr = buffer })
  wait(function()
    return vim.fn.getreg('"'):match("^localhost:5000/lab/train:%x+$")
  end)
  own:exec_cmd(by["Dockerfile"], { bufnr = buffer })
  wait(function()
    return named("image-lsp-dockerfile:")
  end)
  vim.cmd.only()
end

tests["requirements files that images use"] = function()
  vim.cmd.edit(workspace .. "/requirements-wrong.txt")
  local requirements = vim.api.nvim_get_current_buf()
  vim.bo.filetype = "requirements"
  open("wants.py")
  wait(function()
    return client(requirements)
  end)
  wait(function()
    return vim.list_contains(codes(requirements), "IMG601")
  end)
end

tests[":ImageLsp dockerfile opens a split that follows, both ways"] = function()
  local buffer = open("train.py")
  cursor("with_apt_packages")
  vim.cmd("ImageLsp dockerfile")
  local preview
  wait(function()
    preview = named("image-lsp-dockerfile:")
    return preview and #marked(preview) > 0
  end)
  assert(vim.api.nvim_get_current_buf() == buffer)
  assert(vim.bo[preview].filetype == "dockerfile" and not vim.bo[preview].modifiable)
  assert(marked(preview)[1]:find("apt-get install", 1, true), vim.inspect(marked(preview)))
  cursor("echo one")
  wait(function()
    return vim.iter(marked(preview)):any(function(line)
      return line:find("echo one", 1, true)
    end)
  end)
  local window = vim.fn.win_findbuf(preview)[1]
  assert(vim.api.nvim_win_get_cursor(window)[1] > 20)
  -- The other way.
  vim.api.nvim_set_current_win(window)
  cursor("httpx==0.27.0")
  wait(function()
    return (marked(buffer)[1] or ""):find("with_pip_packages", 1, true)
  end)
  vim.cmd.wincmd("p")
  -- What is typed.
  local line = vim.fn.search("echo two", "w")
  vim.api.nvim_buf_set_lines(buffer, line - 1, line, false, { (vim.fn.getline(line):gsub("echo two", "echo three")) })
  vim.api.nvim_exec_autocmds("TextChanged", { buffer = buffer })
  wait(function()
    return text(preview):find("echo three", 1, true)
  end)
  vim.cmd("edit!")
  -- Another image.
  open("slow.py")
  vim.cmd("ImageLsp dockerfile")
  wait(function()
    local other = named("image-lsp-dockerfile:")
    return other and other ~= preview and text(other):find("it starts", 1, true)
  end)
  assert(#vim.api.nvim_tabpage_list_wins(0) == 2)
  vim.cmd.wincmd("p")
  vim.api.nvim_feedkeys("q", "xt", false)
  assert(#vim.api.nvim_tabpage_list_wins(0) == 1 and #marked(buffer) == 0)
end

tests[":ImageLsp inspect"] = function()
  open("train.py")
  vim.cmd("ImageLsp inspect")
  wait(function()
    return named("image-lsp://inspect")
  end)
  local image = vim.json.decode(text(named("image-lsp://inspect")))
  assert(image.kind == "flyte.Image" and image.flyte_version == "2.12.1")
  vim.cmd.only()
end

tests[":ImageLsp info, copy, and a word that there is not"] = function()
  open("train.py")
  vim.cmd("ImageLsp info")
  wait(function()
    return named("image-lsp://info") and text(named("image-lsp://info")):find("flyte: 2.12.1", 1, true)
  end)
  vim.cmd.only()
  vim.fn.setreg('"', "")
  vim.cmd("ImageLsp copy")
  wait(function()
    return vim.fn.getreg('"'):match("^localhost:5000/lab/train:%x+$")
  end)
  vim.cmd("ImageLsp nothing")
  says("there is no :ImageLsp nothing")
  vim.cmd.enew()
  vim.cmd("ImageLsp build")
  says("no server is attached to this buffer")
end

tests["an image is chosen where there are several"] = function()
  open("mistake.py")
  local offered
  local before = vim.ui.select
  vim.ui.select = function(items, options, done)
    offered = vim.tbl_map(options.format_item, items)
    done(items[2])
  end
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  vim.cmd("ImageLsp inspect")
  wait(function()
    return named("image-lsp://inspect")
  end)
  vim.ui.select = before
  assert(#offered == 2 and vim.startswith(offered[2], "other"), vim.inspect(offered))
  assert(vim.json.decode(text(named("image-lsp://inspect"))).names[1] == "other")
  vim.cmd.only()
end

tests["completion of :ImageLsp"] = function()
  local words = vim.fn.getcompletion("ImageLsp ", "cmdline")
  for _, word in ipairs({ "build", "dockerfile", "verify", "inspect", "log", "info" }) do
    assert(vim.list_contains(words, word), word)
  end
  assert(vim.deep_equal(vim.fn.getcompletion("ImageLsp bu", "cmdline"), { "build" }))
  assert(vim.deep_equal(vim.fn.getcompletion("ImageLsp build r", "cmdline"), { "remote" }))
  assert(#vim.fn.getcompletion("ImageLsp build remote x", "cmdline") == 0)
end

tests[":ImageLsp build, with a log and progress"] = function()
  open("train.py")
  local progress = {}
  local autocmd = vim.api.nvim_create_autocmd("LspProgress", {
    callback = function(event)
      table.insert(progress, event.data.params.value.kind)
    end,
  })
  cursor("with_commands")
  vim.cmd("ImageLsp! build")
  says("is built")
  local log = text(named("image-lsp://build"))
  assert(log:find("(with_commands at " .. workspace, 1, true), log)
  assert(log:find("is built", 1, true))
  assert(vim.list_contains(progress, "begin") and vim.list_contains(progress, "report"), vim.inspect(progress))
  vim.api.nvim_del_autocmd(autocmd)
  vim.cmd.only()
  vim.cmd("ImageLsp build")
  says("is already there")
  vim.cmd.only()
  vim.cmd("ImageLsp log")
  assert(named("image-lsp://build"))
  vim.cmd.only()
end

tests["a step that fails is in the quickfix list"] = function()
  local buffer = open("fails.py")
  cursor("with_commands")
  vim.fn.setqflist({})
  vim.cmd("ImageLsp build")
  wait(function()
    return #vim.fn.getqflist() > 0
  end, 60000)
  local item = vim.fn.getqflist()[1]
  assert(item.bufnr == buffer and item.lnum == 4, vim.inspect(item))
  vim.cmd.only()
  vim.cmd.cfirst()
  assert(vim.fn.getline("."):sub(vim.fn.col(".")):find("it breaks here", 1, true))
end

tests["a build is cancelled"] = function()
  open("slow.py")
  cursor("with_commands")
  said = {}
  vim.cmd("ImageLsp build")
  wait(function()
    return named("image-lsp://build") and text(named("image-lsp://build")):find("RUN  sleep 600", 1, true)
  end, 60000)
  vim.cmd("ImageLsp cancel")
  says("cancelled the build of image")
  vim.cmd("ImageLsp cancel")
  says("no build runs")
  vim.cmd.only()
end

tests["verify asks for trust first, and keeps the answer"] = function()
  open("train.py")
  local own = client()
  local asked = 0
  local answer = 2
  local before = vim.fn.confirm
  vim.fn.confirm = function()
    asked = asked + 1
    return answer
  end
  vim.cmd("ImageLsp verify")
  assert(asked == 1 and not require("image_lsp.trust").is_trusted(own.root_dir))
  own.settings = { imageLsp = { python = vim.env.FLYTE } }
  own:notify("workspace/didChangeConfiguration", { settings = own.settings })
  answer = 1
  said = {}
  vim.cmd("ImageLsp verify")
  says("1 of 1 images are what flyte 2.12.1 makes of them")
  vim.cmd("ImageLsp verify")
  vim.fn.confirm = before
  assert(asked == 2, asked)
  vim.cmd("ImageLsp! trust")
  assert(not require("image_lsp.trust").is_trusted(own.root_dir))
  own:notify("workspace/didChangeConfiguration", { settings = { imageLsp = vim.empty_dict() } })
end

tests["a restart leaves one server"] = function()
  local buffer = open("train.py")
  local before = client().id
  vim.cmd("ImageLsp restart")
  wait(function()
    local own = client(buffer)
    return own and own.id ~= before and own.initialized
  end)
  local own = vim.tbl_filter(function(one)
    return one.root_dir == workspace
  end, vim.lsp.get_clients({ name = "image_lsp" }))
  assert(#own == 1)
end

tests["a server that dies comes back, and is given up in the end"] = function()
  local life = require("image_lsp.life")
  life.delays = { 10, 20 }
  local buffer = open("train.py")
  for _ = 1, 2 do
    local before = client(buffer).id
    kill()
    wait(function()
      local own = client(buffer)
      return own and own.id ~= before and own.initialized
    end)
  end
  kill()
  says("the server ended 3 times (signal 9)")
  -- There is one for each project: this one may be the other's.
  wait(function()
    return not client(buffer)
  end)
  vim.cmd("ImageLsp restart")
  wait(function()
    return client(buffer) and client(buffer).initialized
  end)
end

tests["checkhealth"] = function()
  open("train.py")
  vim.cmd("checkhealth image_lsp")
  local health = text(vim.api.nvim_get_current_buf())
  assert(health:find("image%-lsp %d+%.%d+%.%d+, "), health)
  assert(health:find("it runs for " .. workspace, 1, true), health)
  assert(health:find("flyte: 2.12.1", 1, true), health)
  assert(not health:find("ERROR", 1, true), health)
  vim.cmd.bwipeout()
  vim.lsp.config("image_lsp", { cmd = { "/nonexistent/image-lsp", "--stdio" } })
  vim.cmd("checkhealth image_lsp")
  assert(text(vim.api.nvim_get_current_buf()):find("ERROR /nonexistent/image%-lsp is not there"))
  vim.lsp.config("image_lsp", { cmd = { "image-lsp", "--stdio" } })
  vim.cmd.bwipeout()
end

tests["the header is TOML, and commands are shell"] = function()
  local buffer = open("report.py")
  local parser = assert(vim.treesitter.get_parser(buffer, "python"))
  parser:parse(true)
  local function language(part)
    local line = vim.fn.search("\\V" .. part, "cw")
    local column = vim.fn.getline(line):find(part, 1, true) - 1
    return parser:language_for_range({ line - 1, column, line - 1, column + #part }):lang()
  end
  assert(language("requires-python") == "toml", language("requires-python"))
  assert(language("wc -c") == "bash", language("wc -c"))
  assert(language("import flyte") == "python")
end

tests["help is there"] = function()
  vim.cmd.helptags(vim.env.PLUGIN .. "/doc")
  vim.cmd.help("image-lsp")
  assert(vim.fn.expand("%:t") == "image-lsp.txt")
  vim.fn.delete(vim.env.PLUGIN .. "/doc/tags")
  for _, word in ipairs(vim.tbl_keys(require("image_lsp").words)) do
    assert(text(0):find(":ImageLsp " .. word, 1, true), word)
  end
  vim.cmd.close()
end

tests["setup changes what it says, and is optional"] = function()
  require("image_lsp").setup({
    settings = { ["code-lens"] = false },
    trust = function(root)
      return root == workspace
    end,
  })
  assert(vim.lsp.config.image_lsp.settings.imageLsp["code-lens"] == false)
  vim.cmd("ImageLsp restart")
  local buffer = open("train.py")
  local parameters = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
  assert(#client():request_sync("textDocument/codeLens", parameters, 5000).result == 0)
  local status = client():request_sync("workspace/executeCommand", { command = "imageLsp.status", arguments = { {} } }, 5000)
  assert(status.result.trusted == true)
end

local order = {}
for line in io.lines(debug.getinfo(1, "S").source:sub(2)) do
  local name = line:match('^tests%["(.*)"%] = function')
  if name and name:find(only, 1, true) then
    table.insert(order, name)
  end
end
assert(#order > 0, "there is no such test")
local failed = 0
for _, name in ipairs(order) do
  said = {}
  local start = vim.uv.hrtime()
  local ok, failure = xpcall(tests[name], debug.traceback)
  io.stdout:write(("  %s %s (%.1f s)\n%s"):format(ok and "ok  " or "FAIL", name, (vim.uv.hrtime() - start) / 1e9, ok and "" or failure .. "\n"))
  failed = failed + (ok and 0 or 1)
end
for _, own in ipairs(vim.lsp.get_clients()) do
  own:stop(true)
end
vim.cmd(failed > 0 and "cquit 1" or "qa!")
