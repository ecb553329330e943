"""Draw one figure per question: every function returns `(figure, alt_text)`; `show` displays the pair."""

from dermxai_helpers.plots.charts import beside_controls, grouped, intervals, moved, stacked
from dermxai_helpers.plots.common import LESION, REGION, png, show
from dermxai_helpers.plots.pictures import SHEET, cards, gallery, row, sheet
