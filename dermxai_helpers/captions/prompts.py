"""The three questions that the paper asks about a lesion, where every room can read them without loading a network."""

PROMPTS = {
    "global": "You are a expert in examining images of lesions. Provide one clinical sentence. "
    "State symmetry (symmetric/asymmetric), border (regular/irregular), color (single/multiple), "
    "texture (flat/raised, scaly/smooth). No diagnosis.",
    "roi": "Focus only on the lesion. One clinical sentence stating symmetry, border, color distribution, "
    "diameter in millimeters if visible, and texture. No diagnosis.",
    "focused": "With background dimmed, describe symmetry, border, color distribution, texture, "
    "and any visible structures (dots, streaks, network). No diagnosis.",
}
"""The paper's three prompts, letter by letter ("a expert" included). Source: seed A, section 3.4."""

VIEW_OF_PROMPT = {"global": "original", "roi": "roi", "focused": "focused"}
"""Which view of `regions.views` the paper shows with which prompt."""
