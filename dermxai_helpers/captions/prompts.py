"""The three questions that the paper asks about a lesion, where every room can read them without loading a network."""

PROMPTS = {
    "global": "You are a expert in examining images of lesions. Provide one clinical sentence. "
    "State symmetry (symmetric/asymmetric), border (regular/irregular), color (single/multiple), "
    "texture (flat/raised, scaly/smooth). No diagnosis.",
    "roi": "Focus only on the lesion. One clinical sentence stating symmetry, border, color distribution, "
    "diameter in millimeters if visible, and texture. No diagnosis.",
    "focused": "With background dimmed, describe symmetry, border, color distribution, texture, "
    "and any visible structures (dots, streaks, network). No diagnosis.",
}  # letter by letter ("a expert" included); source: seed A, section 3.4
VIEW_OF_PROMPT = {"global": "original", "roi": "roi", "focused": "focused"}  # the view of `regions.views` shown with it
