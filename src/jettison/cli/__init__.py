"""The command line: one module a command, found by its folder, imported only when it is called."""
