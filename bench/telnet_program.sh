#!/bin/sh
# The program behind each Telnet server that is measured: it costs as little as a program can. FILE is bench/telnet_load.py's pattern.
#
#     sh telnet_program.sh FILE
#
# "out N" writes the file N times, "in N" takes N bytes and then a line, which it tells; the terminal is raw meanwhile.
printf 'ready\n'
while read -r word number; do
    case $word in
    out)
        stty raw -echo
        printf 'go\n'
        while [ "$number" -gt 0 ]; do
            cat "$1"
            number=$((number - 1))
        done
        stty sane
        ;;
    in)
        stty raw -echo
        printf 'go\n'
        head -c "$number" >/dev/null
        read -r line
        stty sane
        printf 'read %s\n' "$line"
        ;;
    quit) exit ;;
    esac
done
