"""SASL (RFC 4422): how who speaks proves who they are, in SMTP and IRC alike. Machines without I/O, for both sides.

A *mechanism* is a short dialog of challenges and responses that the protocol around it only carries. Which there are, from
the one that gives least away to the one that gives away the password itself:

    SCRAM-SHA-256-PLUS   the same, and bound to this very TLS connection, so nobody in between passes it on (RFC 5802 6)
    SCRAM-SHA-256        both prove that they know the password, and neither says it (RFC 5802, RFC 7677)
    CRAM-MD5             the client proves it, with a hash that is weak today (RFC 2195); our client only
    OAUTHBEARER, XOAUTH2 a token that another server gave out (RFC 7628; what Google and Microsoft had before)
    PLAIN, LOGIN         the password itself (RFC 4616): only where nobody can listen in
    EXTERNAL             nothing: TLS has proved it by a certificate (RFC 4422 A)

A server has an `Authenticator`, which says what it offers and starts the machine that a client chooses. What the machine says
next is a `Step`::

    mechanism = authenticator.start("PLAIN", nonce=token_bytes(NONCE), secure=True)
    step = mechanism.step(initial_response_or_None)
    while isinstance(step, Work):
        step = await in_thread(step.run)        # hashing takes long
    # Challenge: say it, and step with the response. Accepted: let step.user in. Denied: don't, and never say why.

A client has `client_mechanism`, which picks the strongest of what a server offers::

    mechanism = client_mechanism(offered, "alice", password, nonce=token_bytes(NONCE), secure=True)
    mechanism.initial(), then mechanism.step(challenge) for each, then mechanism.finish() once the server says yes

What a server keeps of a password are `ScramKeys`: they tell whether one is right, and can't be turned back into it. `Accounts`
are keys by user name, with decoys for names that nobody has, so that a stranger can't find out who is there.

    steps.py    what a machine says; the shape of both sides        turns.py  whose turn it is: what machines have in common
    prep.py     how names and passwords are prepared (SASLprep)     keys.py   ScramKeys, Accounts
    plain.py    PLAIN, LOGIN, EXTERNAL, CRAM-MD5                    scram.py  SCRAM, both sides
    oauth.py    OAUTHBEARER, XOAUTH2                                choose.py which mechanism: Authenticator, client_mechanism

Pure: randomness is handed in, and no file, clock or socket is touched.
"""

from wirespeak.sasl.choose import NONCE, Authenticator, client_mechanism
from wirespeak.sasl.keys import ITERATIONS, SALT, Accounts, Find, ScramKeys
from wirespeak.sasl.oauth import VerifyToken
from wirespeak.sasl.prep import saslprep
from wirespeak.sasl.steps import Accepted, Challenge, ClientMechanism, Denied, ServerMechanism, Step, Work

__all__ = [
    "ITERATIONS",
    "NONCE",
    "SALT",
    "Accepted",
    "Accounts",
    "Authenticator",
    "Challenge",
    "ClientMechanism",
    "Denied",
    "Find",
    "ScramKeys",
    "ServerMechanism",
    "Step",
    "VerifyToken",
    "Work",
    "client_mechanism",
    "saslprep",
]
