"""Runs a command with the network cut: `python -m tools.offline make book`. Linux, as root.

The command runs in a network namespace of its own that holds nothing but the loopback device (the
notebooks' kernels talk over it). That nothing else can be reached is checked before it starts.
Where namespaces are not allowed, the command runs with a proxy that refuses every connection.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys

NAMESPACE = ["unshare", "--net"]
REFUSES = "http://127.0.0.1:9"  # nobody listens on the discard port
OUTSIDE = ("1.1.1.1", 443)


def raise_loopback() -> None:
    """What `ip link set lo up` does."""
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(control, get_flags, request))[1]
        fcntl.ioctl(control, set_flags, struct.pack("16sh14x", b"lo", flags | up))


def is_cut() -> bool:
    try:
        socket.create_connection(OUTSIDE, timeout=5).close()
    except OSError:
        return True
    return False


def main(command: list[str]) -> int:
    if command[0] == "--inside":
        raise_loopback()
        if not is_cut():
            sys.exit("the network is not cut")
        print("The network is cut", flush=True)
        os.execvp(command[1], command[1:])
    if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0:
        inside = [sys.executable, "-m", "tools.offline", "--inside"]
        return subprocess.call([*NAMESPACE, *inside, *command])
    print(f"No network namespaces here: {REFUSES} as a proxy instead", flush=True)
    names = ("http_proxy", "https_proxy", "all_proxy")
    refusing = {name: REFUSES for name in (*names, *map(str.upper, names))}
    local = {"no_proxy": "127.0.0.1,localhost", "NO_PROXY": "127.0.0.1,localhost"}
    return subprocess.call(command, env=os.environ | refusing | local)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
