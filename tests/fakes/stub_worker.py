"""A worker without a model: the engine's protocol on its pipes, the stub server behind it."""

from __future__ import annotations

import json
import os
import sys
import threading

from stub_server import Stub, listen, parse_options

if __name__ == "__main__":
    options = parse_options(sys.argv[1:])
    order = json.loads(sys.stdin.readline())
    stub = Stub(options, order["key"], order["states_folder"])
    server = listen(stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"port": server.server_port}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)
