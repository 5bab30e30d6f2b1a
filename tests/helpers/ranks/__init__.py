"""Programs for several processes; each checks what it computes with asserts, and rank 0 prints the names of the checks
it passed. `tests.helpers.mpi.launch` starts them."""
