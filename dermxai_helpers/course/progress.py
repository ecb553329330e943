"""What a learner has solved so far, over all units."""


def progress():
    """Which exercises are solved, tried and open: a DataFrame, a row a unit; kept in the cache folder only."""
    import pandas as pd  # with the checks comes torch: seconds that the command line does not need

    from dermxai_helpers import checks
    from dermxai_helpers.checks import progress as kept

    outcomes = kept.noted()
    rows = {}
    for module, content in vars(checks).items():
        if module.startswith("unit_"):
            names = [name for name, value in vars(content).items() if isinstance(value, checks.Exercise)]
            solved = [name for name in names if outcomes.get(name) == "right"]
            tried = [name for name in names if outcomes.get(name) in ("wrong", "failed")]
            still = [name for name in names if name not in solved + tried]
            groups = {"solved": solved, "tried": tried, "open": still}
            rows[module.removeprefix("unit_")] = {"of": len(names)} | {key: ", ".join(it) for key, it in groups.items()}
    return pd.DataFrame.from_dict(rows, orient="index").sort_index()
