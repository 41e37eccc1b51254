"""The commands of the ``zimu`` program, one a file. Heavy parts are imported when a command runs."""
