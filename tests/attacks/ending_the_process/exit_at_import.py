# task: conv2d.output_size
# expect: crashed
raise SystemExit(0)
