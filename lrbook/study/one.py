"""One run in a process of its own: ``python -m lrbook.study.one`` with the run as JSON on stdin.

Stdin stays open as long as whoever started it lives; when it closes, this process ends at once, so
that a killed worker leaves no run behind that nobody waits for. The checkpoint is then the last
one, and the next worker goes on from it, if it sees the same folder.
"""

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator

from lrbook import experiments, orphans
from lrbook.config import Config
from lrbook.errors import ConfigError, NotHereError, RunError, UserError
from lrbook.records import Store
from lrbook.study.waits import HELD


class TellingStore(Store):
    """A store that says on stderr when it has the run, which ends what was said of a wait."""

    @contextlib.contextmanager
    def claim(self, config: Config, go_on: Callable[[], None] | None = None) -> Iterator[None]:
        """As that of ``Store``."""
        with super().claim(config, go_on):
            print(HELD, file=sys.stderr, flush=True)
            yield


def main() -> int:
    """Run it; the exit code is 0 if there is a record now, 2 if no machine could make one.

    And 1 if the run broke off, or this machine lacks something for it: a device, images, a folder.
    """
    task = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=orphans.end_with_stdin, daemon=True).start()
    options = {"device": task["device"], "progress": False, **task["extra"]}
    try:
        cls = experiments.config_class(task["experiment"])
        config, shell = cls(**task["config"]), experiments.shell(cls)
        [record] = shell.run([config], TellingStore(task["results"]), **options)
    except (UserError, RunError) as error:
        print(f"lrbook: {error}", file=sys.stderr)
        anywhere = isinstance(error, ConfigError) and not isinstance(error, NotHereError)
        return 2 if anywhere else 1
    return 0 if record.done else 1


if __name__ == "__main__":
    sys.exit(main())
