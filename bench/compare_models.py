"""A small comparison of all official backbones on the phantom, from random weights: about six minutes on two cores.

It shows that all steps work, and which files they write. Scores on synthetic pictures say nothing about patients. Flags
are passed to `birads-zoo compare`, where the last of two wins:

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
