raise SystemExit("imported instead of the wire")
