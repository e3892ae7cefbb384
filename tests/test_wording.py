"""Dates and shares of an answer are written as the article writes them."""

import pytest

from qa.wording import Forms


@pytest.mark.parametrize(
    ("article", "answer", "expected"),
    [
        ("Born on 9 February 1848.", "On February 9, 1848.", "On 9 February 1848."),
        ("It opens on July 28, 2024.", "It opens on 28 July 2024.", "It opens on July 28, 2024."),
        ("The vote is on 14 November.", "On November 14, 2025.", "On 14 November, 2025."),
        ("Due on 3 May 2021.", "It was due on May 3rd.", "It was due on 3 May."),
        ("The 4th of July is a holiday.", "On July 4.", "On 4th of July."),
        ("They met on Sept. 5.", "On September 5 they met.", "On Sept. 5 they met."),
        ("On 9 Feb. they met.", "On February 9.", "On 9 Feb."),
        ("On 9 February they met.", "On 9 Feb. They met.", "On 9 February. They met."),
        ("On 9 February they met.", "On 9 Feb. they met.", "On 9 February they met."),
        ("On 9 February\n1848.", "On February 9, 1848.", "On 9 February 1848."),
        ("From 15% to 5 percent.", "By 5%.", "By 5 percent."),
        ("It rose by 60 percent.", "It rose by 60%.", "It rose by 60 percent."),
        ("It rose by 2.5%.", "By 2.5 per cent, says Ann.", "By 2.5%, says Ann."),
        (
            "From 1 June 2020 to 2 June 2020.",
            "From June 1, 2020 to June 2, 2020.",
            "From 1 June 2020 to 2 June 2020.",
        ),
    ],
)
def test_what_the_article_writes_otherwise_is_written_so(
    article: str, answer: str, expected: str
) -> None:
    assert Forms([article]).given_to(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "On February 9, 1848.",
        "On 10 February 1848.",
        "It may 9 times out of ten.",
        "It grew by 9 percent.",
        "",
        "From April 4–6, and from 4-6 April.",
        "From 3%-7%, or 3–8 per cent.",
        "On the 3rd of May.",
    ],
)
def test_what_it_does_not_write_otherwise_stays(answer: str) -> None:
    article = "Born on February 9, 1848, and again on 9 February 1848. It fell by 8%. "
    article += "On 4 April and April 6 it was 3 percent and 7 percent. On May 3 it was 1.3%."
    assert Forms([article]).given_to(answer) == answer


def test_a_form_of_any_text_is_kept() -> None:
    texts = ["It opens on 28 July.", "It opens on July 28."]
    assert Forms(texts).given_to("On July 28.") == "On July 28."
