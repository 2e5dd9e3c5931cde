# SYNTAX TEST "source.python" "The header of a script is TOML"
#!/usr/bin/env -S uv run
# /// script
# <- comment.line.number-sign.python punctuation.definition.comment.python
# ^^^ punctuation.definition.header.begin.python
#     ^^^^^^ entity.name.type.header.python
# requires-python = ">=3.12"
# <- punctuation.definition.comment.python
# ^^^^^^^^^^^^^^^ meta.embedded.block.toml support.type.property-name.toml
#                 ^ punctuation.eq.toml
#                   ^^^^^^^^ string.quoted.single.basic.line.toml
# dependencies = [
#                ^ punctuation.definition.array.toml
#     "flyte",  # what tasks need
#     ^^^^^^^ string.quoted.single.basic.line.toml
#            ^ punctuation.separator.array.toml
#               ^^^^^^^^^^^^^^^^^ comment.line.number-sign.toml
#     'httpx>=0.27',
#     ^^^^^^^^^^^^^ string.quoted.single.literal.line.toml
# ]
# ^ punctuation.definition.array.toml
#
# [tool.uv]
# ^ punctuation.definition.table.begin.toml
#  ^^^^^^^ entity.name.section.table.toml
#         ^ punctuation.definition.table.end.toml
# exclude-newer = 2026-01-01T00:00:00Z
# ^^^^^^^^^^^^^ support.type.property-name.toml
#                 ^^^^^^^^^^^^^^^^^^^^ constant.other.time.datetime.toml
# offline = true
#           ^^^^ constant.language.boolean.toml
# [[tool.uv.index]]
# ^^ punctuation.definition.table.array.begin.toml
#   ^^^^^^^^^^^^^ entity.name.section.table.array.toml
# sources = { httpx = { git = "https://example.org/x" } }
#           ^ punctuation.definition.table.inline.toml
#             ^^^^^ support.type.property-name.toml
#                       ^^^ support.type.property-name.toml
# ///
# ^^^ punctuation.definition.header.end.python
# plain = "comment"
# ^^^^^^^^^^^^^^^^^ comment.line.number-sign.python - meta.embedded.block.toml

x = 1
# <- - meta.header.python
#   ^ constant.numeric.dec.python
