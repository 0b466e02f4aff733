"""blackbox_exporter: each module becomes a template, which targets use; which hosts it probes stands elsewhere."""

import re
from typing import Any

from ...domain.conditions.glob import re2_literal
