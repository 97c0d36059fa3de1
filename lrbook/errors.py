"""The errors a user can cause or meet. The command line turns each into one sentence and a code."""


class UserError(Exception):
    """Something the user can put right: a setting, a file, a device. Exit code 2."""


class ConfigError(UserError):
    """A configuration field is unknown, of the wrong type or out of range."""


class NotHereError(ConfigError):
    """What a configuration names is not on this machine; another may have it."""


class DataError(UserError):
    """A data source is missing, damaged or not what was expected."""


class RecordError(UserError):
    """A record or checkpoint on disk cannot be read, written or trusted."""


class RecordLookupError(RecordError, LookupError):
    """A recording, a sweep or a run that is to be shown is not there."""


class RunError(Exception):
    """A run began and failed for a reason that is not the user's input. Exit code 1."""
