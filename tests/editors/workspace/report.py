# /// script
# requires-python = ">=3.12"
# dependencies = ["flyte==2.12.1", "httpx==0.27.0"]
# ///
import flyte

image = flyte.Image.from_uv_script(__file__, name="report", python_version=(3, 12)).with_commands(["echo \"$HOME\" | wc -c"])
