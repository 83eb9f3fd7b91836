"""Public data sets: a module for each, imported when it is needed; this one stays light."""

from birads_zoo import DatasetSpec
from birads_zoo_plugins.datasets.public._specs_diagnostic import DIAGNOSTIC
from birads_zoo_plugins.datasets.public._specs_screening import SCREENING

PUBLIC: tuple[DatasetSpec, ...] = (*DIAGNOSTIC, *SCREENING)
