"""Worked examples of checking an answer, which the language model reads before it checks one.

Each is a few words of an article, a question, an answer, and whether the words state that this is
the answer to exactly this question. They show the ways in which answers go wrong, on made-up
subjects. The model reads them once when it is started, so they cost a question nothing; but the
confidence in calibration.json was fitted with exactly these, and is fitted anew when they change.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """Words of an article, a question, an answer, and whether the words state it."""

    evidence: str
    question: str
    answer: str
    states_it: bool


EXAMPLES = (
    WorkedExample(
        "The bridge was opened in 1932 by the mayor and cost four million pounds.",
        "When was the bridge opened?",
        "The bridge was opened in 1932.",
        True,
    ),
    WorkedExample(  # asks for what is not said
        "The bridge was opened in 1932 by the mayor and cost four million pounds.",
        "Who designed the bridge?",
        "The mayor designed the bridge.",
        False,
    ),
    WorkedExample(  # said of another
        "Norway ordered twelve of the new trains in May, for 90 million dollars.",
        "How many trains is Finland buying?",
        "Finland is buying twelve trains.",
        False,
    ),
    WorkedExample(  # follows from what is said
        "In summer the museum is open every day but Monday, from ten to six.",
        "Can I visit the museum on a Monday in July?",
        "No, the museum is closed on Mondays.",
        True,
    ),
    WorkedExample(  # false premise
        "The council rejected the plan for a new stadium in March, as it feared the noise.",
        "Why did the council approve the plan?",
        "Because it feared the noise.",
        False,
    ),
    WorkedExample(  # needs reading closely
        "Karl, the older of the two brothers, studied law; Emil became a painter.",
        "What was the profession of Karl's brother?",
        "He was a painter.",
        True,
    ),
    WorkedExample(  # right words, wrong time
        "She began with four pupils and had sixty by the spring of 1990.",
        "How many pupils did she have in 1990?",
        "She had four pupils.",
        False,
    ),
    WorkedExample(  # a number of something else
        "A ticket for the castle costs nine euros, and the gardens are free.",
        "What does parking at the castle cost?",
        "Parking at the castle costs nine euros.",
        False,
    ),
    WorkedExample(  # in other words
        "Because of heavy rain, the harvest was delayed by three weeks.",
        "Why did they bring in the crops so late?",
        "Because of heavy rain.",
        True,
    ),
    WorkedExample(  # another event
        "Marta Lind joined the company in 2004 and became its director six years later.",
        "In which year did Marta Lind leave the company?",
        "She left in 2010.",
        False,
    ),
    WorkedExample(
        "The red kite, once common, now breeds in only two valleys. Rangers guard the nests.",
        "Where does the red kite still breed?",
        "In only two valleys.",
        True,
    ),
    WorkedExample(  # the answer to another question
        "The film was shot in Rome, but its director grew up in Naples.",
        "In which city was the film shot?",
        "The film was shot in Naples.",
        False,
    ),
)
