# SYNTAX TEST "source.python" "A header that nothing closes ends with the comment, a string with its line"
# /// script
# dependencies = [
#     "flyte
#     ^^^^^^ string.quoted.single.basic.line.toml
#     "httpx",
#     ^^^^^^^ string.quoted.single.basic.line.toml
import flyte
# <- keyword.control.import.python - meta.header.python
#^^^^^ keyword.control.import.python - meta.header.python
