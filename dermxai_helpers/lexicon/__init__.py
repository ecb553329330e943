"""Which facts, and which class, does a sentence state?"""

from dermxai_helpers.lexicon.parsing import parse
from dermxai_helpers.lexicon.voting import PAPER_KEYWORDS, paper_vote, vote
