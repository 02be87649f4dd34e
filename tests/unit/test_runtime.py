"""The pure parts of jobs.runtime, and its files in one process."""

import json
import os
import shutil
import signal
import stat
from pathlib import Path

import pytest

from jobs.runtime import addresses, ancestors, exits, owner, run_file
from jobs.runtime.stopping import Stop, Stopped
from jobs.runtime.supervisor import Backoff
from models.config import Config
from models.errors import NotConfiguredError


@pytest.fixture
def stop():
    made = Stop()
    yield made
    made.close()


@pytest.mark.parametrize(
    "command",
    [
        ["honcho", "start"],
        ["/venv/bin/python3", "/venv/bin/honcho", "start", "-f", "Procfile"],
        ["python3.14", "-m", "honcho", "start"],
        ["python", "-u", "-X", "dev", "-m", "honcho", "start"],
    ],
)
def test_honchos_command_lines_are_recognised(command):
    assert ancestors.is_honcho(command)


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["python"],
        ["vim", "honcho"],
        ["sh", "-c", "honcho start"],
        ["uv", "run", "honcho", "start"],
        ["python", "-m", "pytest", "honcho"],
        ["python", "tools/run.py", "honcho"],
    ],
)
def test_other_command_lines_are_not_taken_for_honcho(command):
    assert not ancestors.is_honcho(command)


def test_shells_and_multiprocessing_may_stand_between_honcho_and_us():
    assert ancestors.is_between(["/bin/sh", "-c", "python -m bot"])
    assert ancestors.is_between(["python", "-c", "from multiprocessing.forkserver import main; main(3)"])
    assert not ancestors.is_between(["-bash"])
    assert not ancestors.is_between(["/sbin/init"])


def test_a_process_is_looked_up_with_its_parent_and_start():
    here = ancestors.look_up(os.getpid())
    assert here is not None
    assert here.parent == os.getppid()
    assert here.started == ancestors.look_up(os.getpid()).started


@pytest.mark.skipif(shutil.which("ps") is None, reason="no ps here")
def test_where_there_is_no_proc_ps_says_the_same():
    from_proc, from_ps = ancestors._from_proc(os.getpid()), ancestors._from_ps(os.getpid())
    assert (from_ps.pid, from_ps.parent) == (from_proc.pid, from_proc.parent)
    assert " ".join(from_ps.command) == " ".join(" ".join(from_proc.command).split())
    assert ancestors._from_ps(2**30) is None


def test_a_process_that_awaits_reaping_counts_as_gone():
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ancestors.look_up(pid) is None
    assert exits.reaped(pid) == "exit code 0"


def test_restarts_come_at_once_then_ever_later_up_to_five_seconds():
    backoff = Backoff()
    assert [backoff.after(0.1) for _ in range(7)] == [0.0, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert {backoff.after(0.1) for _ in range(2000)} == {5.0}  # hours of it


def test_having_lived_ten_seconds_forgets_earlier_restarts():
    backoff = Backoff()
    for _ in range(4):
        backoff.after(0.1)
    assert backoff.after(9.9) == 4.0
    assert backoff.after(10.0) == 0.0
    assert backoff.after(0.1) == 0.5


def test_a_stop_asked_for_twice_ends_every_wait(stop):
    assert not stop.wait(0)
    stop.ask()
    stop.ask()
    assert stop.wait()
    with pytest.raises(Stopped):
        stop.pause(60)


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (None, 0),
        (Stopped(), 0),
        (SystemExit(), 0),
        (SystemExit(0), 0),
        (SystemExit(2), 2),
        (SystemExit(3), 1),
        (SystemExit("words"), 1),
        (RuntimeError("a fault"), 1),
    ],
)
def test_what_ends_a_process_decides_its_exit_code(raised, code):
    def main():
        if raised is not None:
            raise raised

    assert exits.code_of(main) == code


def test_a_misconfiguration_says_one_sentence_and_exits_2(capsys):
    def main():
        raise NotConfiguredError("PORT is 'x'; it must be a whole number.")

    assert exits.code_of(main) == 2
    assert capsys.readouterr().err == "PORT is 'x'; it must be a whole number.\n"


def test_a_name_is_owned_until_its_lock_is_let_go(tmp_path, stop):
    var = tmp_path / "var"
    assert owner.holder(var, "web") is None
    lock = owner.take(var, "web", stop)
    assert owner.holder(var, "web") == os.getpid()
    assert owner.holder(var, "bot") is None
    os.close(lock)
    assert owner.holder(var, "web") is None


def test_a_second_owner_is_refused_with_the_first_ones_id(tmp_path, stop):
    lock = owner.take(tmp_path, "clock", stop)
    with pytest.raises(NotConfiguredError, match=rf"in use by process {os.getpid()} \(clock\)"):
        owner.take(tmp_path, "clock", stop, seconds=0)
    os.close(lock)


def test_var_is_made_for_its_owner_alone(tmp_path, stop):
    var = tmp_path / "deep" / "var"
    os.close(owner.take(var, "web", stop))
    assert _mode(var) == 0o700


def test_a_var_that_cannot_be_made_is_named(tmp_path, stop):
    (tmp_path / "file").touch()
    with pytest.raises(NotConfiguredError, match=r"SIGNALBOX_VAR is .*file/var"):
        owner.take(tmp_path / "file" / "var", "web", stop)


def test_run_json_is_readable_by_its_owner_alone(tmp_path):
    run_file.publish(tmp_path, "web", url="http://127.0.0.1:5000", port=5000, pid=7)
    assert _mode(tmp_path / "run.json") == 0o600
    assert json.loads((tmp_path / "run.json").read_text())["web"]["port"] == 5000


def test_sections_are_published_and_withdrawn_side_by_side(tmp_path):
    run_file.publish(tmp_path, "web", url="w", port=1, pid=2)
    run_file.publish(tmp_path, "redis", url="r", port=3, pid=4)
    run_file.withdraw(tmp_path, "web")
    run_file.withdraw(tmp_path, "web")
    assert run_file.read(tmp_path) == {"redis": {"url": "r", "port": 3, "pid": 4, "owner": os.getpid()}}


def test_a_section_whose_publisher_is_gone_is_not_trusted(tmp_path, stop):
    lock = owner.take(tmp_path, "redis", stop)
    run_file.publish(tmp_path, "redis", url="r", port=3, pid=4)
    assert run_file.living(tmp_path, "redis") == {"url": "r", "port": 3, "pid": 4, "owner": os.getpid()}
    os.close(lock)
    assert run_file.living(tmp_path, "redis") is None
    assert run_file.living(tmp_path, "web") is None


def test_updates_of_several_processes_at_once_all_arrive(tmp_path):
    pids = []
    for number in range(8):
        pid = os.fork()
        if pid == 0:
            for round_ in range(10):
                run_file.publish(tmp_path, f"section{number}", round=round_)
            os._exit(0)
        pids.append(pid)
    assert {os.waitpid(pid, 0)[1] for pid in pids} == {0}
    sections = run_file.read(tmp_path)
    assert {name: section["round"] for name, section in sections.items()} == {f"section{n}": 9 for n in range(8)}


def test_public_url_wins_over_where_web_listens(tmp_path):
    variables = {"SIGNALBOX_VAR": str(tmp_path)}
    assert addresses.public_url(Config.from_env(variables)) == "http://127.0.0.1:5000"
    run_file.publish(tmp_path, "web", url="http://127.0.0.1:5003", port=5003, pid=7)
    assert addresses.public_url(Config.from_env(variables)) == "http://127.0.0.1:5003"
    variables["PUBLIC_URL"] = "https://signalbox.example/"
    assert addresses.public_url(Config.from_env(variables)) == "https://signalbox.example"


def test_half_a_file_after_a_power_cut_reads_as_empty(tmp_path):
    (tmp_path / "run.json").write_text('{"web": {')
    assert run_file.read(tmp_path) == {}
    run_file.publish(tmp_path, "web", port=1)
    assert run_file.read(tmp_path)["web"]["port"] == 1


def test_a_child_is_said_to_be_killed_by_its_signal():
    pid = os.fork()
    if pid == 0:
        signal.pause()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert exits.reaped(pid) == "killed by signal 9"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
