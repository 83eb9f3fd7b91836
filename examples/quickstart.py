# %% [markdown]
# # birads-zoo in ten minutes
#
# Train a mammogram classifier, measure how good it is, look at its heat maps, and export it. The pictures are
# synthetic, so you need no download, and everything is small enough for two CPU cores. **Research software, no medical
# device.**
#
# This notebook is made from `quickstart.py` beside it, by `python examples/make_notebook.py`.

# %%
import birads_zoo as bz

root = bz.phantom("quickstart-phantom", patients=24, size=(128, 96))

# %% [markdown]
# ## Look at the data first
#
# An audit says which rows are usable, why the others are not, and what the files may reveal about the labels.

# %%
audit = bz.audit("phantom", root=root)
audit.entries.head()

# %%
for finding in audit.findings:
    print(f"{finding.severity}: {finding.name} ({finding.shown}): {finding.consequence}")

# %% [markdown]
# ## Train
#
# Each picture is predicted once, by a network that never saw its patient. The run leaves a folder. The returned value
# shows the scores with their intervals, and how much higher the network scores than shortcuts on the same folds.

# %%
run = bz.run(
    dataset="phantom",
    root=root,
    backbone="baseline_cnn",
    folds=2,
    epochs=3,
    image_size=(64, 48),
    out="quickstart-runs",
)
run

# %% [markdown]
# Scores are typed values, predictions and the history are pandas tables, and figures are displayed by the notebook.

# %%
macro_f1 = run.metrics.intervals.scores["macro_f1"]
print(f"macro-F1 {run.metrics.macro.f1:.3f}, 95 % interval {macro_f1[0]:.3f} to {macro_f1[1]:.3f}")
run.predictions.head()

# %%
run.figures["confusion-matrix"]

# %% [markdown]
# ## Can its heat maps be believed?
#
# Heat maps are compared with maps that need no network. After such a short training they may not be better.

# %%
print(run.explain(["grad-cam"], limit=12))

# %% [markdown]
# ## Use it elsewhere
#
# An exported model needs neither the run nor its data. It gives a warning for pictures unlike those it was trained on.

# %%
model = bz.load(run.export(out="quickstart-model"))
picture = sorted((root / "mammograms").rglob("*.jpg"), key=lambda path: path.stat().st_size)[-1]
prediction = model.predict([picture])[0]
print(prediction.predicted, prediction.conformal_set)
print(model.notice)

# %% [markdown]
# Next: `run.report()` makes one page of the run, `bz.compare` ranks networks by tests, and the guides describe how to
# [use the Python API](../docs/api.md) and [write plugins](../docs/plugins.md).
