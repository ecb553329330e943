"""Facts in short: what a test expects a sentence to state."""


def facts(said: dict[str, str]) -> dict[str, tuple[str, str]]:
    """{"streaks": "any absent"} -> {"streaks": ("any", "absent")}; no polarity means present."""
    polarities = ("absent", "uncertain")
    pairs = {slot: words.rpartition(" ") for slot, words in said.items()}
    return {
        slot: (value, last) if last in polarities else (said[slot], "present")
        for slot, (value, _, last) in pairs.items()
    }
