"""One message to many, each with the tags of its own capabilities."""

from __future__ import annotations

import pytest

from tests.irc.talk import START, Client, Net
from wirespeak.irc.messages import Message
from wirespeak.irc.relay import Relay

TIME = "time=2026-09-21T14:13:20.000Z"


def tell(net: Net, *receivers: Client, sender: Client | None = None, skip: Client | None = None) -> None:
    """A message with every tag there is, to all receivers."""
    message = Message("PRIVMSG", ["#c", "hi there"], sender.prefix if sender else "irc.home.test")
    user = sender.user if sender else None
    relay = Relay(message, time=START, sender=user, msgid="7f", client_tags={"+typing": "done", "+a.test/x": "y; z"})
    relay.to_all([receiver.user for receiver in receivers], skip.user if skip else None)


@pytest.mark.parametrize(
    ("caps", "tags"),
    [
        ("", ""),
        ("server-time", f"@{TIME} "),
        ("account-tag", "@account=Ann "),
        ("server-time account-tag", f"@{TIME};account=Ann "),
        ("message-tags", "@msgid=7f;bot;+typing=done;+a.test/x=y\\:\\sz "),
        ("message-tags server-time", f"@{TIME};msgid=7f;bot;+typing=done;+a.test/x=y\\:\\sz "),
        ("message-tags server-time account-tag", f"@{TIME};account=Ann;msgid=7f;bot;+typing=done;+a.test/x=y\\:\\sz "),
    ],
)
def test_each_gets_the_tags_that_it_understands(caps: str, tags: str) -> None:
    net = Net()
    ann, bob = net.join("ann"), net.join("bob", caps=caps)
    ann.user.account = "Ann"
    ann.user.modes.add("B")
    tell(net, bob, sender=ann)
    bob.hears(f"{tags}:{ann.prefix} PRIVMSG #c :hi there")


def test_who_gets_the_same_tags_gets_the_same_bytes() -> None:
    """Made once, however many there are."""
    net = Net()
    queued: list[bytes] = []
    crowd = [net.join(f"user{number}", caps="server-time" if number % 2 else "") for number in range(10)]
    for one in crowd:
        one.reads = False
    tell(net, *crowd)
    for one in crowd:
        (segment,) = one.user.session.data_to_send()
        assert isinstance(segment, bytes)
        queued.append(segment)
    assert len({id(data) for data in queued}) == 2


def test_without_an_account_there_is_no_account_tag() -> None:
    """IRCv3 account-tag."""
    net = Net()
    ann, bob = net.join("ann"), net.join("bob", caps="account-tag")
    tell(net, bob, sender=ann)
    bob.hears(f":{ann.prefix} PRIVMSG #c :hi there")


def test_one_is_left_out() -> None:
    net = Net()
    ann, bob, eve = net.join("ann"), net.join("bob"), net.join("eve")
    tell(net, ann, bob, eve, sender=ann, skip=eve)
    for one in (ann, bob):
        one.hears(f":{ann.prefix} PRIVMSG #c :hi there")
    eve.hears_nothing()


def test_the_sender_s_own_copy_answers_its_command() -> None:
    """IRCv3 labeled-response: it bears the label; what others send meanwhile does not."""
    net = Net()
    ann = net.join("ann", caps="labeled-response batch")
    bob = net.join("bob")
    ann.user.open_label("l1")
    tell(net, ann, bob, sender=ann)
    tell(net, ann, sender=bob)
    ann.user.close_label()
    ann.hears(f":{bob.prefix} PRIVMSG #c :hi there", f"@label=l1 :{ann.prefix} PRIVMSG #c :hi there")
    bob.hears(f":{ann.prefix} PRIVMSG #c :hi there")


def test_who_writes_to_oneself_is_also_a_receiver_like_any_other() -> None:
    """IRCv3 labeled-response: the copy that is delivered bears no label."""
    net = Net()
    ann = net.join("ann", caps="labeled-response batch")
    ann.user.open_label("l1")
    relay = Relay(Message("NOTICE", ["ann", "hi"], ann.prefix), time=START, sender=ann.user)
    relay.deliver(ann.user)
    relay.to(ann.user)
    ann.user.close_label()
    ann.hears(f":{ann.prefix} NOTICE ann :hi", f"@label=l1 :{ann.prefix} NOTICE ann :hi")
