"""The hidden side: what must hold, and how it is found out without trusting anyone's code."""

import sys

# `jsonschema`, where all its extras are installed, builds a grammar of IRIs when it is imported. That takes
# two seconds of CPU time in every process, and neither our schema nor that of notebooks has an IRI in it. A
# module that is None cannot be imported, which `jsonschema` takes for an extra that is not there.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
