"""The keys of reuse, which are gone before a configuration is judged, and what the schema says of them."""

from ....domain.specification.configuration import Configuration, Defaults
from ....domain.specification.target import Target

INCLUDE, TEMPLATES, DEFAULTS, HTTP, USE, FOR_EACH = (
    "include",
    "templates",
    "defaults",
    "http",
    "use",
    "for_each",
)
PRIVATE = "x-"
"""Keys of the top level that begin so are for anchors, and are left out."""

KNOWN: dict[type, tuple[str, ...]] = {
    Configuration: (INCLUDE, TEMPLATES),
    Defaults: (HTTP,),
    Target: (USE, FOR_EACH),
}
"""The keys of reuse that stand beside those of a specification."""

INCLUDED = (
    "Files whose entries belong to this configuration: names, folders (their *.yaml and *.yml) and patterns, from the folder of"
    " the file that includes them."
)
TEMPLATED = "Parts of targets by name, for targets that `use` them; a template may use others."
USED = (
    "The template, or the templates, whose keys it takes where it states none: mappings are merged key by key, everything else is"
    " replaced. A later template goes before an earlier one."
)
LOOPED = (
    "Makes one target of each entry: `${each}` stands for the entry in every text of the target, `${each.KEY}` for a value of an"
    " entry that is a mapping."
)
HTTP_DEFAULTS = "Keys of `http` for targets that have one, merged key by key; `url` is the target's own."
