"""A small comparison of every registered backbone on the phantom, from random weights: about six minutes on two cores.

It shows that the whole path works and what it leaves; figures on synthetic pictures say nothing about patients. Flags
go on to `birads-zoo compare`, where the last of two wins:

    python bench/compare_models.py --seeds 3 --out bench/results/phantom
"""

from __future__ import annotations

import sys

from birads_zoo.cli import main

SMALL = (
    *("--recipe", "demo", "--image-size", "64x48", "--epochs", "6", "--set", "model.pretrained=false"),
    *("--seeds", "2", "--out", "studies/bench"),
)

if __name__ == "__main__":
    sys.argv = ["birads-zoo", "compare", *SMALL, *sys.argv[1:]]  # the leaderboard names its command
    main()
