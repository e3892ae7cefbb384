"""A llama-server program without a model: its options, environment and log, the stub behind it."""

from __future__ import annotations

import os
import sys

from stub_server import Stub, listen, parse_options

if __name__ == "__main__":
    options = parse_options(["--journal", os.environ["TMPDIR"] + "/journal"])
    folder = sys.argv[sys.argv.index("--slot-save-path") + 1]
    stub = Stub(options, os.environ["LLAMA_API_KEY"], folder)
    server = listen(stub)
    sys.stderr.write(f"0.01 I srv  main: listening on http://127.0.0.1:{server.server_port}\n")
    sys.stderr.flush()
    server.serve_forever()
