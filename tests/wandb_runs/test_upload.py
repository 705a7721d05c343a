"""What a W&B server gets: enough of one is made here to take runs, resume them, and keep their history."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PROGRAM = """
import sys
from dissect.loggers.wandb import wandb_run
first, last, mode = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rows = [{"epoch": epoch, "val_accuracy": epoch / 10} for epoch in range(1, last + 1)]
with wandb_run("a-seed0-11111111", save_dir="kept", project="p", job_type="train", resumed=mode == "resumed") as log:
    log.epochs(rows[:first])
    log.epochs(rows)
    if mode == "fails":
        raise SystemExit("stopped")
"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, *_):
        pass

    def _said(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return json.loads(body) if body.startswith(b"{") else {}

    def _answer(self, answer):
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self._answer({})

    def do_PUT(self):
        self._said()
        self._answer({})

    def do_POST(self):
        said = self._said()
        if "/file_stream" in self.path:
            self.server.stream(self.path.split("/")[-2], said)
            self._answer({})
        elif "query" in said:
            (name,) = re.findall(r"(?:query|mutation)\s+(\w+)", said["query"])[:1] or [""]
            self._answer({"data": self.server.asked(name, said.get("variables") or {})})
        else:
            self._answer({})


class Server(ThreadingHTTPServer):
    """`history[run]` is each line of it, as JSON; a line that is sent for a place again takes its place."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.history, self.ended = {}, {}

    def stream(self, run, said):
        sent = said.get("files", {}).get("wandb-history.jsonl", {"offset": 0, "content": []})
        lines = self.history.setdefault(run, {})
        lines |= {sent["offset"] + place: json.loads(line) for place, line in enumerate(sent["content"])}
        if said.get("complete"):
            self.ended[run] = said["exitcode"]

    def asked(self, name, given):
        project = {"id": "p", "name": "p", "entity": {"id": "e", "name": "e"}}
        if name == "UpsertBucket":
            self.history.setdefault(given["name"], {})
            bucket = {"id": "b", "name": given["name"], "displayName": given["name"], "project": project}
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if name == "RunResumeStatus":
            lines = self.history.get(given["name"])
            if lines is None:
                return {"model": {**project, "bucket": None}}
            last = json.dumps(lines[max(lines)])
            bucket = {"id": "b", "name": given["name"], "displayName": given["name"], "summaryMetrics": last,
                      "historyLineCount": len(lines), "eventsLineCount": 0, "logLineCount": 0, "config": "{}",
                      "tags": [], "historyTail": json.dumps([last]), "eventsTail": "[]",
                      "wandbConfig": '{"t": 1}'}  # fmt: skip
            return {"model": {**project, "bucket": bucket}}
        if name == "Viewer":
            return {"viewer": {"id": "u", "entity": "e", "username": "u", "flags": "{}", "teams": {"edges": []}}}
        if name == "CreateRunFiles":
            files = [{"name": one, "uploadUrl": f"http://127.0.0.1:{self.server_port}/{one}"} for one in given["files"]]
            return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
        return {}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def call(server, tmp_path):
    """Runs PROGRAM, or W&B's command, in a folder and a process of its own."""

    def called(*arguments, mode="online"):
        own = {key: value for key, value in os.environ.items() if key != "WANDB_SERVICE"}
        own |= {"WANDB_MODE": mode, "WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}", "HOME": str(tmp_path)}
        own |= {"WANDB_ERROR_REPORTING": "false"}
        return subprocess.run([sys.executable, *arguments], env=own, cwd=tmp_path, capture_output=True, text=True)

    return called


def steps(server):
    (lines,) = server.history.values()
    return [(lines[place]["_step"], lines[place]["val/accuracy"]) for place in sorted(lines)]


EPOCHS = [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)]


@pytest.mark.slow
@pytest.mark.parametrize("synced_between", [False, True])
def test_an_offline_run_that_went_on_is_synced_as_one_with_every_epoch_once(server, call, tmp_path, synced_between):
    def sync():
        kept = [str(path) for path in tmp_path.glob("kept/wandb/offline-run-*")]
        done = call("-m", "wandb", "sync", *kept)
        assert done.returncode == 0, done.stderr

    call("-c", PROGRAM, "1", "2", "fails", mode="offline")
    if synced_between:
        sync()
        assert steps(server) == EPOCHS[:2]
        assert set(server.ended.values()) == {1}
    assert call("-c", PROGRAM, "2", "4", "resumed", mode="offline").returncode == 0
    sync()
    assert steps(server) == EPOCHS
    assert server.ended == {"a-seed0-11111111": 0}


@pytest.mark.slow
def test_an_online_run_that_went_on_is_one_with_every_epoch_once(server, call):
    call("-c", PROGRAM, "1", "2", "fails")
    assert steps(server) == EPOCHS[:2]
    done = call("-c", PROGRAM, "2", "4", "resumed")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert steps(server) == EPOCHS
    assert server.ended == {"a-seed0-11111111": 0}


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_said_with_the_mend(server, call, tmp_path):
    server.server_close()
    program = PROGRAM.replace("import sys", "import sys, wandb; wandb.setup(wandb.Settings(init_timeout=3))", 1)
    done = call("-c", program, "1", "2", "fresh")
    assert "InputError: logger=wandb: " in done.stderr
    assert "WANDB_MODE=offline needs no server" in done.stderr
