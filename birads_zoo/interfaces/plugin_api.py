"""The version of the plugin API: the hooks, the specs, the contexts, and what the engine asks of a part."""

PLUGIN_API = 1
"""The number that a plugin states to say which API it is written for, as `PLUGIN_API = 1` beside its hooks.

Raise it when a plugin that keeps to the present API would no longer load, or would be used otherwise than it expects. A
new hook, or a new field with a default, needs no new number.
"""
