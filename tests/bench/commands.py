"""The command line many times over: one interpreter imports torch, and forks for each command.

Reads a JSON line `[folder, words, environment, file]` and starts that command, its output going to `file.out` and
`file.err`; answers with the process id, and with the exit code when asked to `wait` for it.
"""

from __future__ import annotations

import json
import os
import sys

import torch  # noqa: F401 - imported here once, so that no command has to

from vbench import api, cli  # noqa: F401 - as above


def start(folder: str, words: list[str], environment: dict[str, str], file: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{file}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        os.environ.update(environment)
        sys.argv = ["vbench", *words]
        cli.main()
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        waits = request[0] == "wait"
        answer = os.waitstatus_to_exitcode(os.waitpid(request[1], 0)[1]) if waits else start(*request)
        print(answer, file=answers, flush=True)


main()
