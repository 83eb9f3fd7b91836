"""Public data sets, each with a module that is imported on first use."""

from birads_zoo import DatasetSpec
from birads_zoo_plugins.datasets.public._specs.diagnostic import DIAGNOSTIC
from birads_zoo_plugins.datasets.public._specs.screening import SCREENING

PUBLIC: tuple[DatasetSpec, ...] = (*DIAGNOSTIC, *SCREENING)
