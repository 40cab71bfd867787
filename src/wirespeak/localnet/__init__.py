"""What `wirespeak up` runs: a little internet on one's own machine, its parts wired together.

===============  ==============================================================================================
``services.py``  the services, one declaration each: a new protocol joins by a row here
``lobby.py``     its terminal: a menu that uses the other parts
``chat.py``      its chat: a network of one server, and a bot that uses the other parts
``mail.py``       its mail: who gets it, who may send it, where it lies
``names.py``      its names: the zones that are made for it, and yours beside them
``net.py``       the whole: the data folder, the authority, what runs; the shape of a declaration
``site.py``      the web site of it: which page answers what
``mirror.py``    a visitor's own request, and our answer to it, as the bytes that they are, explained
``pages.py``     templates (``pages/``) and what belongs to them (``assets/``), made ready to be sent
===============  ==============================================================================================

Stands on the protocols and on ``sockets/``; ``cli/up.py`` starts it.
"""

from wirespeak.localnet.net import LocalNet, LocalService, Running, Trial
from wirespeak.localnet.services import SERVICES

__all__ = ["SERVICES", "LocalNet", "LocalService", "Running", "Trial"]
