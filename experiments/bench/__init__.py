"""How fast minigrad is, next to PyTorch, Chainer and DeZero: see `python -m experiments.bench --help`.

`jobs` holds the jobs, written once for minigrad and PyTorch (`libraries`, `networks_minigrad`, `networks_torch`) and
`jobs_peers` one of them for the others; `measure` runs them in processes of their own, in turns; `report` makes the
table, the JSON file and the plots.
"""
