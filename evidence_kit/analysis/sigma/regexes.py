"""How pySigma reads regular expressions here: by RE2, as DuckDB does, and without a word on stderr."""

from typing import cast

import re2
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine, RegexPattern

_FLAGS = {2: "i", 8: "m", 16: "s"}  # of Python's `re`, which pySigma hands over


class _Quiet(RE2RegexEngine):
    """RE2 takes time with the length of its input and no more, whatever the expression."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        """Compile an expression; what looks ahead or back is an error, for RE2 knows neither."""
        options = re2.Options()
        options.log_errors = False
        said = "".join(letter for flag, letter in _FLAGS.items() if flags & flag)
        return cast("RegexPattern", re2.compile(f"(?{said}){pattern}" if said else pattern, options))


POLICY = SigmaPolicy(regex_engine=_Quiet())  # and nothing that reaches files or the network
