"""The configuration of a server, from TOML."""

from __future__ import annotations

import pytest

from wirespeak.errors import TextError
from wirespeak.irc.config import Config, Gateway, Oper, Sts, VisitLimits

WHOLE = """
name = "irc.home.test"
network = "Home"
motd = ["Welcome.", "Be kind."]
throttle = false

[opers.ann]
password = "mellon"
hosts = ["*@192.0.2.0/24"]
privileges = ["kill", "kline"]
secure = true

[[gateways]]
addresses = ["192.0.2.7", "2001:db8::/32"]
password = "open"

[visits]
per_address = 3

[sts]
port = 6697
duration = 3600

[accounts]
registration = false
"""


def test_the_whole_of_it() -> None:
    config = Config.parse(WHOLE)
    assert (config.name, config.network, config.motd) == ("irc.home.test", "Home", ("Welcome.", "Be kind."))
    assert config.opers == {"ann": Oper(password="mellon", hosts=("*@192.0.2.0/24",), privileges=("kill", "kline"), secure=True)}
    assert config.gateways == (Gateway(addresses=("192.0.2.7", "2001:db8::/32"), password="open"),)
    assert config.visits == VisitLimits(per_address=3)
    assert config.sts == Sts(port=6697, duration=3600)
    assert not config.throttle
    assert not config.accounts.registration


def test_tables_that_are_read_already() -> None:
    assert Config.of({"network": "Home", "visits": {"per_address": 3}}) == Config(network="Home", visits=VisitLimits(per_address=3))
    with pytest.raises(TextError, match=r"irc\.toml: colour"):
        Config.of({"colour": "red"}, "irc.toml")


def test_what_an_operator_may_do() -> None:
    assert Oper(password="x").may("kill")
    assert Oper(password="x", privileges=("kill",)).may("kill")
    assert not Oper(password="x", privileges=("kill",)).may("kline")


def test_nothing_need_be_said() -> None:
    assert Config.parse("") == Config()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('name = "localhost"', "name 'localhost': expected a host name with a dot"),
        ('name = "irc.home.test "', "expected a host name"),
        ('network = "My Home"', "network 'My Home': expected letters"),
        ('motd = "one line"', "Expected `array`"),
        ("[opers.'a b']\npassword = 'x'", "opers.a b: expected a name as a nick is one"),
        ('motd = ["a", "b\\nQUIT"]', "expected text of one line"),
        ('description = "a\\u0000"', "expected text of one line"),
        ('[admin]\nemail = "a\\r"', "expected text of one line"),
        ('cloak_suffix = "a b"', "cloak_suffix 'a b': expected the end of a host name, 31 letters at most"),
        ("[sts]\nport = 0", "sts.port 0: expected 1 to 65535"),
        ("[opers.ann]", "missing required field `password`"),
        ("[[gateways]]\naddresses = ['here']\npassword = 'x'", "'here': expected an address, or a network"),
        ("[visits]\nexempt = ['10.0.0.0/33']", "'10.0.0.0/33': expected an address, or a network"),
        ("colour = 'red'", "colour: there is no such setting; expected one of name, network"),
        ("[visits]\nper_adress = 3", "visits.per_adress: there is no such setting; expected one of per_address"),
        ("[opers.ann]\npassword = 'x'\nhost = '*@*'", "opers.ann.host: there is no such setting"),
        ("[[gateways]]\naddresses = []\npassword = 'x'\nname = 'y'", "gateways.name: there is no such setting"),
        ("[sts]\nports = 6697", "sts.ports: there is no such setting"),
        ("name =", "Invalid value"),
    ],
)
def test_what_can_not_be_read_is_told(text: str, told: str) -> None:
    with pytest.raises(TextError, match=r"irc\.toml") as caught:
        Config.parse(text, "irc.toml")
    assert told in str(caught.value)


def test_a_motd_is_bounded() -> None:
    """All of it is sent to everyone who comes."""
    with pytest.raises(TextError, match="501 lines"):
        Config(motd=("line",) * 501)


def test_sts_tells_a_port_in_clear_and_a_duration_over_tls() -> None:
    """IRCv3 sts."""
    config = Config(sts=Sts(port=6697, duration=3600))
    assert config.sts_value(secure=False) == "port=6697"
    assert config.sts_value(secure=True) == "duration=3600"
    assert Config().sts_value(secure=True) == ""


def test_without_a_throttle_there_are_no_limits_of_guessing_and_registering_either() -> None:
    settings = Config(throttle=False).account_settings
    assert (settings.failures, settings.registrations_an_hour) == (None, None)
    assert Config().account_settings == Config().accounts


def test_codes_by_mail_want_a_server_and_a_sender() -> None:
    with pytest.raises(TextError, match="belong together"):
        Config(mail_server="localhost:25")
    assert Config(mail_server="localhost:25", mail_from="irc@home.test")
