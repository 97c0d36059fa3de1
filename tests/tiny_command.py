"""A run of the patch experiment from the command line: a smoke run made smaller still."""

TINY = {"train_size": 64, "test_size": 40, "patch_test_size": 20, "epochs": 2, "drop": 2}
SMALL = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", value)]
RUN = ["run", "patch", "--profile", "smoke", *SMALL, "--quiet"]  # a second per arm
