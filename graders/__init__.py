"""The hidden side: what answers must do, and how it is tested without trusting anyone's code."""

import sys

# If all its extras are installed, `jsonschema` builds a grammar of IRIs when it is imported. That takes two
# seconds of CPU time in every process, and neither our schema nor that of notebooks has an IRI in it. A
# module that is None can't be imported, so `jsonschema` concludes that this extra isn't installed.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
