"""Imported by each process of a server before anything else: a command waits longer for its answer.

On a busy machine another process takes over, and answers, later than a command waits by itself.
"""

from watchkeeper.domain import limits

TIMES = 10
limits.ANSWER_WITHIN_NS *= TIMES
limits.SETTLED_NS *= TIMES
