"""How fast minigrad is, next to PyTorch, Chainer and DeZero: see `python -m experiments.bench --help`.

`jobs_minigrad`, `jobs_torch` and `jobs_peers` hold the same jobs written for each library; `measure` runs them in
processes of their own, in turns; `report` makes the table, the JSON file and the plots.
"""
