#!/bin/sh
# Runs a command that cannot outlive whoever started it, however that one ends: when standard input closes, the whole
# process group is killed. Start it as the leader of a process group of its own; the command keeps the process id.
exec 3<&0
{ cat <&3; kill -9 -$$; } >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-
