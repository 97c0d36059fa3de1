"""What a study costs beside its runs: ``python benchmarks/sweep.py``.

The same runs, back to back as plain processes and as a study with one worker on this machine. Both
start every run in a process of its own.
"""

import argparse
import tempfile
import time
from pathlib import Path

from harness import Row, add_arguments, report

from lrbook.study import engine, machine, plan, work

STUDY = """
experiment = "toy"
profile = "demo"
device = "cpu"
arms = ["S"]
seeds = {seeds}
[settings]
steps = {steps}
steps_ls = {steps}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--steps", type=int, default=310_000, help="of a run")
    add_arguments(parser, "bench_sweep.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.toml"
        text = STUDY.format(seeds=list(range(arguments.runs)), steps=arguments.steps)
        path.write_text(text, encoding="utf-8")
        configs, extra = plan.read(path).configs()
        _, threads = machine.size(1, [], 1)
        common = {"device": "cpu", "extra": extra, "threads": threads, "gpus": []}
        start = time.monotonic()
        for config in configs:
            task = {"run_id": config.run_id, "experiment": "toy"} | common
            task |= {"config": config.model_dump(mode="json"), "results": f"{folder}/plain"}
            assert work.run_one(task)["code"] == 0
        plain = time.monotonic() - start
        start = time.monotonic()
        where = engine.Cluster(workers=1)
        failed = engine.run(
            configs, f"{folder}/study", extra, device="cpu", cluster=where, quiet=True
        )
        assert not failed
        ours = time.monotonic() - start
    each = f"{arguments.runs} runs of {plain / arguments.runs:.0f} s"
    name = f"study of {each}, one worker / back to back"
    report([Row(name, ours, plain, "s")], arguments)


if __name__ == "__main__":
    main()
