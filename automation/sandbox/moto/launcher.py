"""Starts the sandbox's control plane.

    python launcher.py --port <port, 0 for any> --state <folder> [--host 127.0.0.1]

Writes <folder>/control-plane.json with its pid and port once it answers, and logs to stderr.
Exit codes: 0 stopped by SIGTERM or SIGINT; 2 unsuitable Python or packages; 3 saved state unreadable;
4 the port cannot be bound.
"""

import argparse
import functools
import json
import os
import signal
import sys
import threading

MINIMUM_PYTHON = (3, 9)
WARM_UP_REGION = "us-east-1"


def fail(code, message):
    print("sandbox control plane: " + message, file=sys.stderr, flush=True)
    sys.exit(code)


def arguments():
    parser = argparse.ArgumentParser(description="The control plane of Bascule's sandbox.")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 for any free one")
    parser.add_argument("--state", required=True, help="folder that keeps the sandbox's state")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    return parser.parse_args()


def prepare_environment():
    """Settings that moto reads when it is imported."""
    # One base image that releases can be put on, instead of the 1,177 that make the first call slow.
    os.environ["MOTO_AMIS_PATH"] = os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "base-images.json"
    )
    os.environ["S3_IGNORE_SUBDOMAIN_BUCKETNAME"] = "true"
    # Roles of instances get policies that AWS provides, AmazonSSMManagedInstanceCore above all.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    # moto asks boto3 for service models; a user's own profile must not break that.
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)


def share_service_models():
    """Has boto3's models read once: each session of moto would read them anew, for a third of its start."""
    from botocore import loaders

    loaders.create_loader = functools.cache(loaders.create_loader)


def write_address(state_folder, host, port):
    path = os.path.join(state_folder, "control-plane.json")
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump({"pid": os.getpid(), "port": port, "host": host}, file)
    os.replace(path + ".new", path)


def main():
    if sys.version_info < MINIMUM_PYTHON:
        fail(2, "Python %d.%d or newer is needed, this is %s." % (*MINIMUM_PYTHON, sys.version.split()[0]))
    args = arguments()
    prepare_environment()
    try:
        share_service_models()
        from controlplane.assembly import ControlPlane
        from controlplane.persistence import StateUnreadable
    except ImportError as error:
        fail(2, "a package is missing (%s); install requirements.txt into this Python." % error)
    state_folder = os.path.abspath(args.state)
    os.makedirs(state_folder, mode=0o700, exist_ok=True)
    try:
        plane = ControlPlane(state_folder)
    except StateUnreadable as error:
        fail(3, "%s. `bascule sandbox reset` starts anew without it." % error)
    try:
        server = plane.listen(args.host, args.port)
    except OSError as error:
        fail(4, "cannot listen on %s:%d: %s." % (args.host, args.port, error.strerror))
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, args=(0.1,), name="accept", daemon=True).start()
    plane.warm_up(WARM_UP_REGION)
    port = server.server_address[1]
    write_address(state_folder, args.host, port)
    print("sandbox control plane: listening on %s:%d" % (args.host, port), file=sys.stderr, flush=True)
    stop.wait()
    plane.close(server)


if __name__ == "__main__":
    main()
