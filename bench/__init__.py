"""Side by side with the peers: the CPU time each server spends on the same work, measured in turn in one run.

Run it from the repository: ``python -m bench`` (``make bench`` installs the peers first). The reader's way through:

    model.py         what a row of the table is: a load, the servers that carry it, what is promised against each
    cpu.py           CPU time and memory of a process and its children, as the operating system accounts for them
    peers.py         how each server is started, pinned, awaited and ended
    loads.py         the loads: wrk, dnsperf, smtp-source, and, where the field has none, generators of our own (pour.py, hold.py,
                     crossing.py, telnet_load.py, irc_load.py)
    corpus.py        the files served and the requests made: varied, as real use is, and the same in every run
    zones.py         the zones served and the questions asked of them, likewise
    name_servers.py  BIND, NSD and Knot
    mail_servers.py  smtp-sink, aiosmtpd and Postfix
    telnet_servers.py inetutils' telnetd and telnetlib3, with telnet_program.sh behind them; telnet_hosts.py without
    irc_servers.py   ngircd and InspIRCd
    codec.py         messages parsed and built, by ours and by dnspython
    rows/            the rows, one file a protocol
    report.py        results.json, results.md, results.svg

    apps.py, asgi_static.py, asyncio_frames.py, telnet_hosts.py    programs that run in the servers measured: ours and the peers'

The figure is CPU time per unit of work and not seconds, because on a shared machine seconds lie. Nothing here is
imported by wirespeak, and only apps.py, codec.py, tap.py and telnet_hosts.py import wirespeak.
"""
