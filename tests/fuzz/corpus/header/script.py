#!/x
# /// script
# requires-python = ">=3.12"
#
# dependencies = [
#     "flyte[x]>=2 ; os_name == 'posix'",  # why
# ]
# [tool.uv]
# x = {a = 1}
# ///
import x
