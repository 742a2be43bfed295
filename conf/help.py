def settings_help(*, _root_): return "todo"
