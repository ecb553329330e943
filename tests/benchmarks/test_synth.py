"""How many drawn photographs a second, files included.

Run: pytest tests/benchmarks/test_synth.py --benchmark-enable -s
"""

import itertools

from dermxai_helpers import synth

PHOTOGRAPHS = 1200


def test_folder(benchmark, tmp_path):
    folders = (tmp_path / str(number) for number in itertools.count())

    def write():
        synth.write_folder(next(folders), PHOTOGRAPHS, seed=0, progress=False)

    benchmark.pedantic(write, rounds=3, warmup_rounds=1)
    print(f"\n{PHOTOGRAPHS / benchmark.stats.stats.median:.0f} photographs a second, files included")
