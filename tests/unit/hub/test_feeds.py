"""Links at which Pushpin asks how a response goes on that it holds."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import NotFound, PublishError
from grip_lambda.hub.channels import all_channel, log_channel, parse_all_channel, parse_log_channel
from grip_lambda.hub.feeds import Followed, Link, ParseChannel
from tests.support.nodes import RecordingNode, nodes_of

ID = "A" * 16
CHANNEL = log_channel(ID, "t" * 22, 3)


def link_of(
    secret: bytes = b"secret", purpose: str = "events", parse: ParseChannel = parse_log_channel
) -> Link:
    return Link(nodes_of(RecordingNode()), secret, purpose, parse)


LINK = link_of()


def test_pushpin_tells_which_hold_of_which_log_it_asks_for() -> None:
    assert LINK.followed(LINK.link, f"{CHANNEL}; last-id=7") == Followed(ID, "t" * 22, 3, 7)


def test_all_streams_have_one_link_as_pushpin_asks_ten_of_them_in_a_second() -> None:
    assert link_of().link == LINK.link
    assert LINK.followed(LINK.link, f"{log_channel(ID, 'u' * 22, 4)}; last-id=0").hold == 4


def test_links_may_have_channels_of_their_own() -> None:
    link = link_of(purpose="all", parse=parse_all_channel)
    channel = all_channel(ID, "n" * 22, 1)

    assert link.followed(link.link, f"{channel}; last-id=0") == Followed(ID, "n" * 22, 1, 0)
    with pytest.raises(NotFound):
        LINK.followed(LINK.link, f"{channel}; last-id=0")


def test_a_stream_goes_on_with_whatever_comes_next() -> None:
    node = RecordingNode()

    Link(nodes_of(node), b"secret", "events").go_on("n1", CHANNEL)

    assert node.restarted == [CHANNEL]


def test_a_stream_whose_proxy_is_out_of_reach_goes_on_a_little_later() -> None:
    gone = Mock()
    gone.restart.side_effect = PublishError("the proxy n1 is out of reach; try again later")

    Link(nodes_of(gone), b"secret", "events").go_on("n1", CHANNEL)

    gone.restart.assert_called_once_with(CHANNEL)


@pytest.mark.parametrize(
    ("link", "grip_last"),
    [
        (LINK.link, ""),
        (LINK.link, CHANNEL),
        (LINK.link, f"{CHANNEL}; last-id="),
        (LINK.link, f"{CHANNEL}; last-id=-1"),
        (LINK.link, f"{CHANNEL}; last-id=٣"),
        (LINK.link, f"{CHANNEL}; last-id={'9' * 30}"),
        (LINK.link, "call-x; last-id=7"),
        ("", f"{CHANNEL}; last-id=7"),
        (LINK.link[:-1], f"{CHANNEL}; last-id=7"),
        (link_of(purpose="next").link, f"{CHANNEL}; last-id=7"),
        (link_of(b"other").link, f"{CHANNEL}; last-id=7"),
    ],
)
def test_what_is_no_link_of_ours_leads_nowhere(link: str, grip_last: str) -> None:
    with pytest.raises(NotFound):
        LINK.followed(link, grip_last)


@given(st.text(), st.text())
def test_nothing_that_strangers_make_up_is_followed(link: str, grip_last: str) -> None:
    with pytest.raises(NotFound):
        LINK.followed(link, grip_last)
