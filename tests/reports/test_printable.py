"""One rule for all text that a student can influence: every character is shown, and none has an effect."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from graders.printable import lines, one_line, table_cell

STEERING = (
    "\u202e\u202d\u2066\u2069\u200f\u061c\x1b\x9b\r\b\x07\x00\x7f\u2028\u2029\x85\x0b\x0c\ud800\ufeff\u200b"
)
ANY = st.text(st.characters(codec=None) | st.sampled_from(STEERING + "\n\t"))


@given(ANY)
def test_no_control_character_is_left_in_a_message(text: str) -> None:
    assert all(c.isprintable() or c in "\n\t" for c in lines(text))
    lines(text).encode("utf-8")


@given(ANY)
def test_a_name_stays_on_one_line(text: str) -> None:
    assert one_line(text).isprintable() and len((one_line(text) or "x").splitlines()) == 1


@given(ANY)
def test_what_was_shown_once_is_shown_the_same_again(text: str) -> None:
    for show in (lines, one_line):
        assert show(show(text)) == show(text)


@given(ANY, st.integers(0, 20))
def test_a_limit_is_kept_whatever_is_written_out(text: str, limit: int) -> None:
    assert len(lines(text, limit)) <= limit and len(one_line(text, limit)) <= limit


@pytest.mark.parametrize("character", STEERING)
def test_a_control_character_is_written_out_and_not_dropped(character: str) -> None:
    assert lines(f"a{character}b") == one_line(f"a{character}b") == f"a{ascii(character)[1:-1]}b"


@pytest.mark.parametrize("name", ["王小明", "Müller-Lüdenscheidt", "O'Brien, Åsa", "नेहा", "😀"])
def test_names_of_people_stay_as_they_are(name: str) -> None:
    assert one_line(name) == table_cell(name) == name


@given(st.sampled_from(["", " ", "\t", "\r", "\n", "\u3000", "\x00"]), st.sampled_from("=+-@＝＋－＠"), ANY)
def test_no_cell_begins_like_a_formula(before: str, sign: str, rest: str) -> None:
    assert table_cell(before + sign + rest).lstrip()[0] not in "=+-@＝＋－＠"
