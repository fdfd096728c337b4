"""The command line ``frontrow``, for operators and organisers."""
