raise SystemExit("imported at start")
