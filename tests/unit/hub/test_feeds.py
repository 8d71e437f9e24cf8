"""Links at which Pushpin asks how a response goes on that it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import NotFound
from grip_lambda.hub.channels import all_channel, log_channel, parse_all_channel
from grip_lambda.hub.feeds import Followed, Links

ID = "A" * 16
CHANNEL = log_channel(ID, "t" * 22, 3)
LINKS = Links(b"secret", "events")
LINK = LINKS.sign(CHANNEL)


def test_a_link_tells_which_hold_of_which_log_it_is_for() -> None:
    assert LINKS.followed(LINK, f"{CHANNEL}; last-id=7") == Followed(ID, "t" * 22, 3, 7)


def test_links_may_have_channels_of_their_own() -> None:
    links = Links(b"secret", "all", parse_all_channel, all_channel)
    channel = all_channel(ID, "n" * 22, 1)

    found = links.followed(links.sign(channel), f"{channel}; last-id=0")

    assert found == Followed(ID, "n" * 22, 1, 0)
    with pytest.raises(NotFound):
        LINKS.followed(LINKS.sign(channel), f"{channel}; last-id=0")


@pytest.mark.parametrize(
    ("link", "grip_last"),
    [
        (LINK, ""),
        (LINK, CHANNEL),
        (LINK, f"{CHANNEL}; last-id="),
        (LINK, f"{CHANNEL}; last-id=-1"),
        (LINK, f"{CHANNEL}; last-id=٣"),
        (LINK, f"{CHANNEL}; last-id={'9' * 30}"),
        (LINK, f"{log_channel(ID, 't' * 22, 4)}; last-id=7"),
        (LINK[:-1], f"{CHANNEL}; last-id=7"),
        (Links(b"secret", "next").sign(CHANNEL), f"{CHANNEL}; last-id=7"),
        (Links(b"other", "events").sign(CHANNEL), f"{CHANNEL}; last-id=7"),
        (LINKS.sign("call-x"), "call-x; last-id=7"),
    ],
)
def test_what_is_no_link_of_ours_leads_nowhere(link: str, grip_last: str) -> None:
    with pytest.raises(NotFound):
        LINKS.followed(link, grip_last)


@given(st.text(), st.text())
def test_nothing_that_strangers_make_up_is_followed(link: str, grip_last: str) -> None:
    with pytest.raises(NotFound):
        LINKS.followed(link, grip_last)
