"""The metrics against numbers worked out by hand, and against second, naive implementations."""

from __future__ import annotations

import itertools
import math
import string
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.cases import ARTICLE, answered, declined, example, hit
from fakes.embedder import WordEmbeddings
from qa.evaluation import confidence, overlap
from qa.evaluation.metrics import METRICS, score
from qa.evaluation.squad import contains, exact_match, f1, normalised
from qa.records import Span

# The official SQuAD 2.0 rules, written a second time, without regular expressions or counters.


def official_words(text: str) -> list[str]:
    kept = "".join(character for character in text.lower() if character not in string.punctuation)
    words = ""
    # Python's word boundary stands between a letter or digit and anything else.
    for is_word, run in itertools.groupby(kept, key=str.isalnum):
        part = "".join(run)
        words += " " if is_word and part in ("a", "an", "the") else part
    return words.split()


def official_golds(golds: Sequence[str]) -> list[str]:
    with_words = [gold for gold in golds if official_words(gold) != []]
    return with_words or [""]


def official_exact(answer: str, golds: Sequence[str]) -> float:
    return float(any(official_words(answer) == official_words(g) for g in official_golds(golds)))


def official_f1(answer: str, golds: Sequence[str]) -> float:
    best = 0.0
    for gold in official_golds(golds):
        said, wanted = official_words(answer), official_words(gold)
        left, same = list(wanted), 0
        for word in said:
            same += word in left
            left = left[: left.index(word)] + left[left.index(word) + 1 :] if word in left else left
        both_empty = float(said == wanted)
        value = (
            both_empty
            if not said or not wanted
            else 2
            * (same / len(said))
            * (same / len(wanted))
            / (same / len(said) + same / len(wanted))
            if same
            else 0.0
        )
        best = max(best, value)
    return best


ASCII_WORDS = ["a", "an", "the", "The", "cat", "Cat.", "cats", "a.n", "a-b", "_the_", "1.7"]
OTHER_WORDS = ["the’", "…", "“a”", "İ", "ß", "é", "é", "ﬁ", "日本", "the\u200b", "½", "²", "ａ"]
WORDS = st.sampled_from([*ASCII_WORDS, *OTHER_WORDS, "\u00a0", "\u2028", "", " "])
TEXTS = st.one_of(st.lists(WORDS, max_size=8).map(" ".join), st.text(max_size=20))


@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_exact_match_and_f1_are_those_of_the_official_rules(answer: str, golds: list[str]) -> None:
    assert normalised(answer).split() == official_words(answer)
    assert exact_match(answer, golds) == official_exact(answer, golds)
    assert f1(answer, golds) == official_f1(answer, golds)
    assert exact_match(answer, golds) <= f1(answer, golds) <= 1.0


@pytest.mark.parametrize(
    ("answer", "golds", "exact", "words"),
    [
        ("The cat.", ["cat"], 1.0, 1.0),
        ("", [], 1.0, 1.0),  # an abstention on an unanswerable question
        ("cat", [], 0.0, 0.0),
        ("", ["cat"], 0.0, 0.0),
        ("the", ["the", "a"], 1.0, 1.0),  # no gold has words, and neither has the answer
        ("a black cat sat", ["the cat sat", "a dog"], 0.0, 0.8),  # 2 of 3 words, 2 of 2: 4/5
        ("cat cat", ["cat"], 0.0, 2 / 3),  # precision 1/2, recall 1
        ("U.S. $1.7 billion", ["us 17 billion"], 1.0, 1.0),
        ("“cat”", ["cat"], 0.0, 0.0),  # typographic quotes are no punctuation of the script
        ("THE\u00a0cat", ["cat"], 1.0, 1.0),  # a space that does not break is a space
        ("the\u200bcat", ["cat"], 0.0, 0.0),  # one without width is not, but it ends the article
        ("caf\u00e9", ["cafe\u0301"], 0.0, 0.0),  # what looks the same need not be the same
        ("Straße", ["STRASSE"], 0.0, 0.0),  # lower case folds no letters together
        ("a_b", ["b"], 0.0, 0.0),  # "_" goes first, so "a" is no word of its own
        (" ", [], 1.0, 1.0),
    ],
)
def test_worked_examples_of_exact_match_and_f1(
    answer: str, golds: list[str], exact: float, words: float
) -> None:
    assert exact_match(answer, golds) == exact
    assert f1(answer, golds) == pytest.approx(words, abs=1e-15)


@pytest.mark.parametrize(
    ("answer", "groups", "right"),
    [
        ("They bought 400 missiles.", (("400", "four hundred"),), True),
        ("They bought 4000 missiles.", (("400",),), False),
        ("It is not known.", (("no",),), False),
        ("No, it is not.", (("no",),), True),
        ("It was Japan's idea.", (("Japan",),), True),
        ("It was Japan’s idea.", (("Japan",),), True),
        ("They call it “2+2”.", (("2+2",),), True),
        ("A 37-foot boat.", (("37",),), True),
        ("It costs $1.7 billion.", (("1.7 billion",),), True),
        ("Kamikawa and Kihara.", (("Kamikawa",), ("Kihara", "Minoru Kihara")), True),
        ("Kamikawa.", (("Kamikawa",), ("Kihara",)), False),
        # Four of five words are 80%; three are not, and of three words all must stand together.
        ("red blue green grey", (("red blue green grey pink",),), True),
        ("red blue green", (("red blue green grey pink",),), False),
        ("red and blue and green", (("red blue green",),), False),
        (f"{'word ' * 59}cat", (("cat",),), True),
        (f"{'word ' * 60}cat", (("cat",),), False),
        ("", (("cat",),), False),
        ("the", (("the",),), False),
        ("anything", (), False),
    ],
)
def test_right_is_to_hold_a_gold_answer_of_each_group(
    answer: str, groups: tuple[tuple[str, ...], ...], right: bool
) -> None:
    assert contains(answer, groups) is right


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
def test_what_is_an_exact_match_is_right(answer: str, golds: list[str]) -> None:
    with_words = [gold for gold in golds if normalised(gold)]
    matches = bool(with_words) and exact_match(answer, with_words) == 1.0
    short = len(normalised(answer).split()) <= 60
    plain = unicodedata.normalize("NFKC", answer) == answer
    assert not (matches and short and plain) or contains(answer, [tuple(golds)])


# Overlap. Places are ranges of one article here; characters are compared one by one.

PLACES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 8)).map(lambda p: ("x", p[0], p[0] + p[1])),
    max_size=7,
)
GOLD = PLACES.filter(bool)


def touches(place: overlap.Place, other: overlap.Place) -> bool:
    return bool(set(range(*place[1:])) & set(range(*other[1:])))


@given(PLACES, GOLD)
def test_overlaps_are_those_of_single_characters(
    found: list[overlap.Place], gold: list[overlap.Place]
) -> None:
    hits = [[touches(place, one) for one in gold] for place in found]
    assert overlap.recall(found, gold) == sum(map(any, zip(*hits, strict=True))) / len(gold)
    assert overlap.reciprocal_rank(found, gold) == max(
        [any(row) / rank for rank, row in enumerate(hits, 1)], default=0.0
    )
    covered: set[int] = set()
    gains = []
    for row in hits[:5]:
        new = {number for number, touched in enumerate(row) if touched} - covered
        gains.append(float(bool(new)))
        covered |= new
    needed = [1.0] * min(5, int(sum(gains)) + len(gold) - len(covered))
    gained, ideal = (
        sum(gain / math.log2(rank) for rank, gain in enumerate(row, 2)) for row in (gains, needed)
    )
    assert overlap.ndcg(found, gold, k=5) == pytest.approx(gained / ideal, abs=1e-12)
    assert 0.0 <= overlap.ndcg(found, gold, k=5) <= 1.0


@given(GOLD, GOLD)
def test_precision_is_recall_the_other_way_round(
    found: list[overlap.Place], gold: list[overlap.Place]
) -> None:
    assert overlap.precision(found, gold) == overlap.recall(gold, found)


def test_places_of_other_articles_do_not_overlap() -> None:
    assert overlap.overlap(("x", 0, 5), ("x", 4, 6))
    assert not overlap.overlap(("x", 0, 5), ("x", 5, 6))
    assert not overlap.overlap(("x", 0, 5), ("y", 0, 5))


def test_a_gain_that_was_worked_out() -> None:
    found = [("x", 0, 5), ("x", 20, 25), ("x", 21, 30), ("x", 40, 45)]
    gold = [("x", 22, 24), ("x", 41, 42), ("x", 90, 91)]
    # Gains at ranks 2 and 4, rank 3 is of a place that is found already; one place was missed, so
    # the ideal has three gains: (1/log2(3) + 1/log2(5)) / (1 + 1/log2(3) + 1/2) = 1.0616 / 2.1309
    assert overlap.ndcg(found, gold, k=5) == pytest.approx(0.49818, abs=1e-4)
    assert overlap.recall(found, gold) == pytest.approx(2 / 3)
    assert overlap.reciprocal_rank(found, gold) == 0.5


# Confidence. Few different values, so that there are ties.

JUDGED = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), st.booleans()), min_size=1)


def arrays(judged: list[tuple[float, bool]]) -> tuple[confidence.Numbers, confidence.Numbers]:
    return np.array([c for c, _ in judged]), np.array([float(r) for _, r in judged])


@given(JUDGED)
def test_the_brier_score_is_a_mean_of_squares(judged: list[tuple[float, bool]]) -> None:
    expected = math.fsum((c - r) ** 2 for c, r in judged) / len(judged)
    assert confidence.brier(*arrays(judged)) == pytest.approx(expected, abs=1e-12)


@given(JUDGED)
def test_the_roc_area_counts_pairs(judged: list[tuple[float, bool]]) -> None:
    pairs = [
        Fraction((one > other) * 2 + (one == other), 2)
        for (one, yes), (other, no) in itertools.product(judged, judged)
        if yes and not no
    ]
    expected = float(sum(pairs) / len(pairs)) if pairs else None
    assert confidence.roc_area(*arrays(judged)) == pytest.approx(expected, abs=1e-12)


@given(st.lists(JUDGED.map(lambda judged: judged[0]), min_size=1, max_size=5))
def test_the_risk_area_is_the_mean_over_all_orders_of_ties(
    judged: list[tuple[float, bool]],
) -> None:
    orders = [
        order
        for order in itertools.permutations(judged)
        if all(one[0] >= other[0] for one, other in itertools.pairwise(order))
    ]
    areas = [
        sum(Fraction(sum(not right for _, right in order[:k]), k) for k in range(1, len(order) + 1))
        / len(order)
        for order in orders
    ]
    expected = float(sum(areas) / len(areas))
    assert confidence.risk_area(*arrays(judged)) == pytest.approx(expected, abs=1e-12)


@given(JUDGED, st.sampled_from([0.0, 0.05, 0.1, 0.5]), st.integers(0, 5))
def test_coverage_is_that_of_the_lowest_threshold_within_the_risk(
    judged: list[tuple[float, bool]], risk: float, withheld: int
) -> None:
    n = len(judged) + withheld
    kept = [[right for c, right in judged if c >= threshold] for threshold, _ in judged]
    allowed = [len(some) / n for some in kept if some.count(False) <= risk * len(some) + 1e-12]
    found = confidence.coverage_at(*arrays(judged), risk=risk, n=n)
    assert found == pytest.approx(max(allowed, default=0.0), abs=1e-12)


@given(JUDGED)
def test_the_calibration_error_is_a_mean_over_bins(judged: list[tuple[float, bool]]) -> None:
    ordered = sorted(c for c, _ in judged)
    bins: dict[int, list[tuple[float, bool]]] = {}
    for c, right in judged:
        middle = ordered.index(c) + ordered.count(c) / 2
        bins.setdefault(min(int(middle * 10 / len(judged)), 9), []).append((c, right))
    gaps = [
        abs(sum(c for c, _ in some) - sum(right for _, right in some)) for some in bins.values()
    ]
    found = confidence.calibration_error(*arrays(judged))
    assert found == pytest.approx(sum(gaps) / len(judged), abs=1e-12)
    assert 0.0 <= found <= 1.0


@given(JUDGED, st.randoms(use_true_random=False))
def test_no_figure_depends_on_the_order(judged: list[tuple[float, bool]], random: object) -> None:
    shuffled = sorted(judged, key=lambda _: random.random())  # type: ignore[attr-defined]
    for figure in (
        confidence.brier,
        confidence.calibration_error,
        confidence.risk_area,
        confidence.roc_area,
    ):
        assert figure(*arrays(judged)) == pytest.approx(figure(*arrays(shuffled)), abs=1e-12)


def test_confidence_that_was_worked_out() -> None:
    sure, right = np.array([0.9, 0.8, 0.8, 0.1]), np.array([1.0, 0.0, 1.0, 0.0])
    # 0.01, 0.64, 0.04 and 0.01 of 4
    assert confidence.brier(sure, right) == pytest.approx(0.175)
    # Of one answer 0 wrong, of two half a one on average, of three 1, of four 2.
    assert confidence.risks(sure, right)[0].tolist() == pytest.approx([0, 1 / 4, 1 / 3, 1 / 2])
    assert confidence.risk_area(sure, right) == pytest.approx(13 / 48)
    assert confidence.coverage_at(sure, right, risk=0.4, n=5) == pytest.approx(3 / 5)
    # Each confidence has its bin: gaps 0.1 and 0.1 of one answer, 0.3 of two.
    assert confidence.calibration_error(sure, right) == pytest.approx((0.1 + 0.1 + 2 * 0.3) / 4)
    assert confidence.roc_area(sure, right) == pytest.approx(3.5 / 4)
    assert confidence.roc_area(sure, np.ones(4)) is None


# The scores of a case: what applies, and what does not.


def test_an_answer_to_an_answerable_question_is_scored_in_full() -> None:
    one = example("How many boats?", answers=(("37",),), evidence=(Span(start=0, end=16),))
    answer = answered(
        "37 boats. And a king.", cited=[(0, 16), (17, 31)], hits=[hit(17, 31), hit(0, 16)]
    )
    assert score(one, answer) == pytest.approx(
        {
            "right": 1.0,
            "false_abstentions": 0.0,
            "correct": 1.0,
            "incorrect": 0.0,
            "not_attempted": 0.0,
            "exact_match": 0.0,
            "f1": 0.4,  # of four words (without "a") one is among the one: 2/4 over 5/4
            "citation_precision": 0.5,
            "citation_recall": 1.0,
            "sentences_supported": 1.0,
            "retrieval_recall_at_5": 1.0,
            "mrr": 0.5,
            "ndcg_at_5": 1 / math.log2(3),
        }
    )


@pytest.mark.parametrize("outcome", ["answered", "declined", "failed"])
@pytest.mark.parametrize("answers", [(), (("37",),)])
def test_the_three_outcomes_are_exclusive(
    outcome: str, answers: tuple[tuple[str, ...], ...]
) -> None:
    answer = {"answered": answered("38 boats."), "declined": declined(), "failed": None}[outcome]
    scores = score(example("How many?", answers=answers), answer)
    assert scores["correct"] + scores["incorrect"] + scores["not_attempted"] == 1.0
    assert scores.keys() <= METRICS.keys()


def test_declining_is_right_only_where_the_article_does_not_say() -> None:
    # No answer, no hits, no citations: nothing to score those by.
    assert score(example("Who is king?"), declined()) == {
        "declined": 1.0,
        "false_answers": 0.0,
        "correct": 1.0,
        "incorrect": 0.0,
        "not_attempted": 0.0,
        "exact_match": 1.0,
        "f1": 1.0,
    }
    assert score(example("How many?", answers=(("37",),)), declined()) == {
        "right": 0.0,
        "false_abstentions": 1.0,
        "correct": 0.0,
        "incorrect": 0.0,
        "not_attempted": 1.0,
        "exact_match": 0.0,
        "f1": 0.0,
    }


def test_a_failure_is_neither_right_nor_declined() -> None:
    assert score(example("Who is king?"), None) == {
        "declined": 0.0,
        "false_answers": 0.0,
        "correct": 0.0,
        "incorrect": 0.0,
        "not_attempted": 1.0,
        "exact_match": 0.0,
        "f1": 0.0,
    }


def test_no_citation_is_no_recall_and_no_precision() -> None:
    one = example("How many?", answers=(("37",),), evidence=(Span(start=0, end=16),))
    scores = score(one, answered("37"))
    assert scores["citation_recall"] == 0.0
    assert "citation_precision" not in scores


def test_similarity_is_a_cosine_with_the_nearest_gold_answer() -> None:
    one = example("How many?", answers=(("a pier", "37 boats"),))
    alike = score(one, answered("37 boats"), embeddings=WordEmbeddings())["similarity"]
    assert alike == pytest.approx(1.0)
    assert "similarity" not in score(one, declined(), embeddings=WordEmbeddings())
    assert ARTICLE.text  # the embedder is not asked about the article


@pytest.mark.parametrize("answers", [12, 50, 400])
def test_the_calibration_error_by_chance_is_what_exact_confidences_have_on_average(
    answers: int,
) -> None:
    chance = np.random.default_rng(answers)
    sure = chance.uniform(0.4, 1.0, answers)
    drawn = [
        confidence.calibration_error(sure, (chance.random(answers) < sure).astype(float))
        for _ in range(400)
    ]
    expected = confidence.calibration_error_by_chance(sure)
    assert expected == pytest.approx(float(np.mean(drawn)), abs=0.03)
    assert confidence.calibration_error_by_chance(np.ones(answers)) == 0.0
