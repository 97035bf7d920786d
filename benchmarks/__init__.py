"""Side-by-side measurements against peers: `python -m benchmarks NAME [--quick]`.

Every module here but `harness` is one benchmark (`import_` is named ``import`` on the command line)
and has one function, ``run(quick: bool) -> Report``::

    from benchmarks.harness import Report, Table, alternate, at_least, peak_memory


    def run(quick: bool) -> Report:
        edge = 512 if quick else 2048
        cube = make_cube(edge)                        # setting up is not measured
        timings = alternate(
            {"xcube_tiles": lambda: ours(cube), "peer": lambda: peer.median(cube)},
            rounds=3 if quick else 7,
        )
        memory = peak_memory(prepare_eager, edge)     # in a process of its own
        return Report(
            name="reduce",
            setup=f"(24, {edge}, {edge}) float32, 30 % NaN, median over time",
            tables=[Table(title="eager", timings=timings, reference="xcube_tiles")],
            checks=[
                at_least("speed-up", timings["peer"].ratio_to(timings["xcube_tiles"]), 6),
                at_most("peak / (input + output)", memory.with_input / nbytes, 1.3),
            ],
            peers=["bottleneck"],                     # distributions: their versions are printed
        )

`alternate` runs all contenders in one process, each once a round, in an order that rotates, after a
warm-up: drifts of the machine (clock, other work) hit all of them alike, and a ratio is the median
of the ratios within the rounds. Calls of a few milliseconds are run ``repeats`` times a round.
`peak_memory(prepare, *args)` starts a fresh process, calls ``prepare(*args)`` there (a module-level
function: it makes the input, compiles what must be compiled, and returns the callable to measure)
and returns the high-water mark of the resident memory. `--quick` shrinks the sizes: it shows
that a benchmark runs, and its checks bind nobody. Results are also written to
``benchmarks/results/NAME.json``.
"""
