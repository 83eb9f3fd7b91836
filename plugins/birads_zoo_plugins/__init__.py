"""The plugins that birads-zoo brings along: one folder a family, registered by the same hooks as a stranger's."""
