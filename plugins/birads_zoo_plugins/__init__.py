"""The plugins that birads-zoo brings along: one folder a family, registered through the same hooks as any stranger's."""
