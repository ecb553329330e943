"""Looking at a figure in a test: it can be drawn and read, and its description says what it must."""

from matplotlib.text import Text

from dermxai_helpers import plots

POINTS, INCHES = 9, 9  # the smallest letters, and the width of a notebook's page at 96 pixels an inch


def described(figure_and_alt, *words):
    """The figure, which can be drawn, whose letters can be read, and whose description holds these words."""
    figure, alt = figure_and_alt
    assert plots.png(figure).startswith(b"\x89PNG")
    assert figure.get_figwidth() <= INCHES, "a wider figure is shrunk, and its letters with it"
    written = [text for text in figure.findobj(Text) if text.get_text().strip()]
    small = {text.get_text() for text in written if text.get_fontsize() < POINTS}
    assert not small, f"letters below {POINTS} points: {small}"
    for word in words:
        assert word in alt
    return figure
