"""From signals to a probability, and from a risk to the least probability."""

from __future__ import annotations

import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.calibration import ANY_MODEL, Calibration, Risk, Term, calibrations_for
from qa.models.catalogue import find_model
from qa.models.chat import Adapter
from qa.models.opening import adapters_of
from qa.settings import Settings
from qa.signals import FROM_THE_MODEL, SIGNALS

FIT = Calibration(
    adapters={},
    weights="abc",
    intercept=0.5,
    terms=(Term(signal="confirmed", mean=1.0, deviation=2.0, weight=3.0),),
    risks=(
        Risk(probability=0.2, wrong=0.4, given=0.9),
        Risk(probability=0.5, wrong=0.2, given=0.6),
        Risk(probability=0.8, wrong=0.1, given=0.3),
    ),
)


def test_a_probability_is_the_logistic_of_the_weighted_signals() -> None:
    worked_out = 1 / (1 + math.exp(-(0.5 + 3.0 * (2.0 - 1.0) / 2.0)))
    assert FIT.probability({"confirmed": 2.0, "another": 9.0}) == pytest.approx(worked_out)


def test_a_signal_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="confirmed"):
        FIT.probability({"another": 1.0})


@pytest.mark.parametrize(
    ("risk", "least"), [(1.0, 0.0), (0.5, 0.2), (0.4, 0.2), (0.3, 0.5), (0.1, 0.8), (0.01, 0.8)]
)
def test_a_risk_gives_the_least_probability_that_kept_to_it(risk: float, least: float) -> None:
    assert FIT.least_probability(risk) == least


def test_the_default_model_has_a_fit_of_its_own() -> None:
    weights = find_model(Settings().chat_model).files[0].sha256
    words, own = calibrations_for(weights)
    assert words.weights == ANY_MODEL
    assert own.weights == weights
    assert own.signals == FROM_THE_MODEL
    assert any(risk.wrong <= Settings().most_risk for risk in own.risks)


def test_the_fit_was_made_with_the_adapters_that_ship() -> None:
    weights = find_model(Settings().chat_model).files[0].sha256
    adapters = adapters_of(weights)
    words, own = calibrations_for(weights)
    assert own.adapters == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in adapters.items()
    }
    assert set(adapters) == set(Adapter)
    assert words.adapters == {}


def test_other_weights_get_the_fit_that_asks_nothing_of_the_model() -> None:
    (other,) = calibrations_for("0" * 64)
    assert other.weights == ANY_MODEL
    assert other.signals == set(SIGNALS) - FROM_THE_MODEL


@given(st.dictionaries(st.sampled_from(sorted(SIGNALS)), st.floats(-20, 20)))
def test_the_shipped_fits_give_probabilities(given: dict[str, float]) -> None:
    signals = {name: given.get(name, 0.0) for name in SIGNALS}
    weights = find_model(Settings().chat_model).files[0].sha256
    probabilities = [fit.probability(signals) for fit in calibrations_for(weights)]
    assert all(0.0 <= probability <= 1.0 for probability in probabilities)
