"""The servers' processes as the development environment finds them again (examples/dev/process.sh)."""

import pathlib
import subprocess

from harness.d003 import wait_until

PROCESS = pathlib.Path(__file__).resolve().parents[2] / "examples/dev/process.sh"
BECOMES_ANOTHER = """
left=$1
[ "$left" -gt 0 ] || exec sleep 60
exec bash -c "$2" "$0" $((left - 1)) "$2"
"""
LOOKS = 100
LOOK = f'set -euo pipefail; VAR=$1; . "$2"; for look in $(seq {LOOKS}); do process_pid server || echo gone; done'


def look(var):
    return subprocess.run(["bash", "-c", LOOK, "bash", str(var), str(PROCESS)], capture_output=True, text=True, timeout=60,
                          check=True).stdout.split()


def test_who_becomes_another_program_is_not_taken_for_gone(tmp_path):
    """The command line of a process is empty for a moment at exec. A second server would be started beside it."""
    (tmp_path / "run").mkdir()
    server = subprocess.Popen(["bash", "-c", BECOMES_ANOTHER, f"{tmp_path}/server", "100000", BECOMES_ANOTHER])
    try:
        (tmp_path / "run/server.pid").write_text(f"{server.pid}\n", encoding="ascii")
        assert look(tmp_path) == [str(server.pid)] * LOOKS
        server.kill()
        wait_until(lambda: pathlib.Path(f"/proc/{server.pid}/stat").read_text(encoding="ascii").rpartition(") ")[2][0] == "Z",
                   what="its end")
        assert look(tmp_path) == ["gone"] * LOOKS
    finally:
        server.kill()
        server.wait()
    assert look(tmp_path) == ["gone"] * LOOKS
