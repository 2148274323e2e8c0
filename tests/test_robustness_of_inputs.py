"""Some hundred damaged and hostile inputs for each parser; `tools/fuzz.py` has many more."""

from __future__ import annotations

import random
import re
import sys
import warnings
from collections import Counter

import fuzz
import pytest

COUNTS = {"fasta": 200, "intervals": 100, "vcf": 100, "meme": 100, "genome": 40, "run:": 5}
LEFT_OUT: dict[str, tuple[str, ...]] = {}  # kinds of failure, by parser, that are not yet mended


@pytest.fixture(scope="module", autouse=True)
def watched():
    """No test writes outside of its sandbox."""
    sys.addaudithook(fuzz.hook)


@pytest.mark.parametrize("name", COUNTS)
def test_damaged_inputs_are_read_or_refused_in_one_line(name):
    outcomes, failed = Counter(), {}
    with fuzz.place_for_work() as place, warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for parser in fuzz.all_parsers(place, name):
            for number in range(COUNTS[name]):
                case, used = fuzz.case_of(parser, number, seed=1)
                used = used and not parser.name.startswith("run:")  # pages take a second each
                outcome, fault = fuzz.attempt(parser, case, place, used)
                outcomes[outcome] += 1
                if fault and not fault[0].startswith(LEFT_OUT.get(parser.name, ("-",))):
                    failed[f"{parser.name} {number}: {case.told}"] = fault[:2]
    assert failed == {}
    assert outcomes["read"] > 2 and outcomes["refused"] > 9


def test_good_inputs_are_read():
    """Else the mutations of them say nothing."""
    with fuzz.place_for_work() as place:
        goods = {"fasta": [fuzz.FA], "intervals": [fuzz.BED, fuzz.NARROW, fuzz.SPACED],
                 "vcf": [fuzz.VCF], "meme": [fuzz.MEME], "genome": [fuzz.GENOME]}
        for parser, data in ((parser, data) for name in goods
                             for parser in fuzz.all_parsers(place, name) for data in goods[name]):
            case = fuzz.Case(data, "as it is", {})
            assert fuzz.attempt(parser, case, place, used=True) == ("read", None), parser.name


def test_the_same_seed_gives_the_same_cases():
    make = fuzz.texts([fuzz.FA])
    cases = [make(random.Random("0 fasta 7")) for _ in range(2)]
    assert cases[0] == cases[1] and cases[0].data != fuzz.FA


def test_faults_are_seen():
    """What a parser may not do is noticed."""
    def misbehave(error: BaseException):
        def read(folder, case):
            raise error
        return fuzz.Parser("bad", None, read)

    with fuzz.place_for_work() as place:
        case = fuzz.Case(b"", "", {})

        def fault(read) -> str:
            parser = read if isinstance(read, fuzz.Parser) else fuzz.Parser("bad", None, read)
            return fuzz.attempt(parser, case, place, used=False, limit=1)[1][0]

        assert fault(misbehave(KeyError("x"))) == "KeyError: 'x'"
        for text, said in {"x" * 300: "message of 300", "a\nb": "message of several lines",
                           "a\x1b[31m": "control characters"}.items():
            error = fuzz.InputError("")
            error.args = (text,)  # as the class would not keep it
            assert fault(misbehave(error)).startswith(said)
        assert fault(misbehave(MemoryError())).startswith("memory")
        there = place.parent / "fuzz-escaped.txt"
        assert re.match("writes outside: open .*fuzz-escaped.txt",
                        fault(lambda folder, case: there.write_text("x")))
        assert not there.exists()

        def forever(folder, case):
            while True:
                pass

        assert fault(forever) == "too long"
