"""Looking at a figure in a test: it can be drawn, and its description says what it must."""

from dermxai_helpers import plots


def described(figure_and_alt, *words):
    """The figure, which can be drawn and whose description holds these words."""
    figure, alt = figure_and_alt
    assert plots.png(figure).startswith(b"\x89PNG")
    for word in words:
        assert word in alt
    return figure
