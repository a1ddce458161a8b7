"""Errors that a user can act on: every message names the file or value and says what to do."""


class NerveScopeError(Exception):
    """Base of all errors whose message is meant for the person at the screen."""


class CheckpointError(NerveScopeError):
    """A checkpoint file cannot be read: truncated, hostile, or of an unknown form."""


class ExperimentError(NerveScopeError):
    """A folder or a part of it (run, step, layer) is not there or not an experiment."""


class AnalysisError(NerveScopeError):
    """An analysis cannot run on this input with these parameters."""
