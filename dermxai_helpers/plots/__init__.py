"""Draw one figure per question: every function returns `(figure, alt_text)`; `show` displays the pair."""

from dermxai_helpers.plots.charts import beside_controls, intervals, moved, stacked
from dermxai_helpers.plots.common import CLASS_COLOURS, LESION, REGION, png, show, style
from dermxai_helpers.plots.pictures import cards, gallery, row, sheet

__all__ = ["CLASS_COLOURS", "LESION", "REGION", "png", "show"]
__all__ += ["beside_controls", "cards", "gallery", "intervals", "moved", "row", "sheet", "stacked"]

style()
