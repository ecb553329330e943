"""N-gram scores of a caption beside a reference sentence, as a warning: a fact is turned round by two letters."""


def ngram_scores(caption: str, reference: str) -> dict[str, float]:
    """Score shared words, not shared facts: BLEU and chrF (0 to 100), ROUGE-1 and ROUGE-L (0 to 1).

    >>> round(ngram_scores("an irregular border, no streaks", "a regular border, no streaks")["ROUGE-1"], 2)
    0.6

    Source: sacrebleu (Post 2018) and rouge-score, at their defaults, for one sentence.
    """
    import sacrebleu
    from rouge_score.rouge_scorer import RougeScorer

    rouge = RougeScorer(["rouge1", "rougeL"]).score(reference, caption)
    return {
        "BLEU": sacrebleu.sentence_bleu(caption, [reference]).score,
        "chrF": sacrebleu.sentence_chrf(caption, [reference]).score,
        "ROUGE-1": rouge["rouge1"].fmeasure,
        "ROUGE-L": rouge["rougeL"].fmeasure,
    }
