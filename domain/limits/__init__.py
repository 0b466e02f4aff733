"""Every bound of the system in one room: below each, what it protects and why this number, with asserts of how they relate.

Never here: bounds of the web door, which `web/limits.py` holds; code that computes.
"""

from .answers import *
from .channels import *
from .configuration import *
from .locations import *
from .notices import *
from .outside import *
from .record import *
from .running import *
