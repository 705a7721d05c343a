# %% [markdown]
# # Runs in a notebook
# Open this file as a notebook (`jupytext --to ipynb example.py`, or an editor that knows `# %%`), in this folder.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import dissect

REPORTS = Path("../../reports")

# %% [markdown]
# A committed study, from its report's runs.csv. A `Study` at the end of a cell shows itself.

# %%
study = dissect.read(REPORTS / "digits-factorial" / "runs.csv", metric="accuracy", better="higher", unit="points")
study  # noqa: B018

# %%
figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
dissect.plot_attribution(study, ax=axes[0])
dissect.plot_interactions(study, ax=axes[1])

# %% [markdown]
# Any table of runs: a row a run, its seed, and columns of true and false.

# %%
runs = pd.DataFrame(
    {
        "dropout": [False, True] * 4,
        "seed": [0, 0, 1, 1, 2, 2, 3, 3],
        "loss": [2.31, 2.20, 2.35, 2.21, 2.30, 2.22, 2.33, 2.20],
    }
)
gains = dissect.gains(runs, metric="loss", better="lower", unit="nats")
gains[["component", "gain", "low", "high", "verdict"]]

# %% [markdown]
# How many seeds would show half a tenth of a nat, and the paper's table.

# %%
pilot = dissect.read(runs, metric="loss", better="lower", unit="nats")
needed = dissect.plan(pilot, 0.05)
print(dissect.table(pilot, "markdown"))
