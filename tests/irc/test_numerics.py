"""The table of numerics (Modern IRC, Numerics)."""

from __future__ import annotations

import re

import pytest

from wirespeak.errors import LocalProtocolError
from wirespeak.irc import numerics
from wirespeak.irc.messages import Message
from wirespeak.irc.numerics import NUMERICS, Numeric

BY_NAME = {name: value for name, value in vars(numerics).items() if isinstance(value, Numeric)}


def test_each_has_its_name_and_its_number() -> None:
    assert {name: numeric.name for name, numeric in BY_NAME.items()} == {name: name for name in BY_NAME}
    assert len(NUMERICS) == len(BY_NAME)
    assert all(NUMERICS[numeric.code] is numeric for numeric in BY_NAME.values())
    for numeric in NUMERICS.values():
        assert re.fullmatch("[0-9]{3}", numeric.code)
        # Modern IRC, Numeric Replies: errors stand in 400-599, and in what IRCv3 and practice have added.
        assert numeric.name.startswith("ERR_") is ("400" <= numeric.code <= "599") or numeric.code >= "600"


@pytest.mark.parametrize(
    ("numeric", "values", "params"),
    [
        (numerics.ERR_NOSUCHNICK, ["bob"], ["bob", "No such nick/channel"]),
        (numerics.ERR_NOSUCHNICK, ["bob", "Gone"], ["bob", "Gone"]),
        (numerics.RPL_WELCOME, ["Home", "ann!a@b"], ["Welcome to the Home Network, ann!a@b"]),
        (numerics.RPL_LUSERME, ["5", "0"], ["I have 5 clients and 0 servers"]),
        (numerics.RPL_LOCALUSERS, ["5", "9"], ["5", "9", "Current local users 5, max 9"]),
        (numerics.RPL_LOGGEDIN, ["ann!a@b", "Ann"], ["ann!a@b", "Ann", "You are now logged in as Ann"]),
        (numerics.RPL_WHOISUSER, ["bob", "b", "h", "Bob B"], ["bob", "b", "h", "*", "Bob B"]),
        (numerics.RPL_WHOREPLY, [*"cuhsnf", "Bob B"], [*"cuhsnf", "0 Bob B"]),
        (numerics.RPL_LISTSTART, [], ["Channel", "Users  Name"]),
        (numerics.RPL_ISUPPORT, ["A=1", "B"], ["A=1", "B", "are supported by this server"]),
        (numerics.RPL_CHANNELMODEIS, ["#a", "+kl", "x", "5"], ["#a", "+kl", "x", "5"]),
        (numerics.RPL_CHANNELMODEIS, ["#a", "+"], ["#a", "+"]),
        (numerics.RPL_TOPIC, ["#a", "hello {0} <b>"], ["#a", "hello {0} <b>"]),
        (numerics.ERR_NORECIPIENT, ["PRIVMSG"], ["No recipient given (PRIVMSG)"]),
    ],
)
def test_the_parameters_of_a_reply(numeric: Numeric, values: list[str], params: list[str]) -> None:
    assert numeric.params("ann", *values) == ["ann", *params]


@pytest.mark.parametrize(("numeric", "count"), [(numerics.ERR_NOSUCHNICK, 0), (numerics.ERR_NOSUCHNICK, 3), (numerics.RPL_TOPIC, 1)])
def test_too_few_values_and_too_many(numeric: Numeric, count: int) -> None:
    with pytest.raises(LocalProtocolError):
        numeric.params("ann", *["x"] * count)


@pytest.mark.parametrize("numeric", NUMERICS.values(), ids=lambda numeric: numeric.name)
def test_each_can_be_sent_with_what_its_form_asks_for(numeric: Numeric) -> None:
    values = ["x"] * len(numeric.fields)
    params = numeric.params("ann", *values)
    line = Message(numeric.code, params, "irc.home.test").encode()
    assert Message.parse(line.decode().removesuffix("\r\n")).params == params
    said = " ".join(["ann", *params[1:]])
    expected = re.sub("<[^>]+>", "x", numeric.form.replace("...", "").replace(" :", " ").removeprefix(":"))
    assert said == f"ann {expected}"
