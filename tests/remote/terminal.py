"""Runs a program on a terminal of its own, interrupts it at one text, and answers at another.

terminal.py AT-WHICH-TEXT-TO-INTERRUPT AT-WHICH-TO-ANSWER ANSWER PROGRAM [ARGUMENT…]
"""

import os
import pty
import signal
import sys

interrupt, ask, reply, *command = sys.argv[1:]
# Whoever waits for a text that does not come ends, and the program with the terminal.
signal.alarm(60)
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)
seen = b""
waiting = [(interrupt, b"\x03"), (ask, reply.encode() + b"\n")]
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    while waiting and waiting[0][0].encode() in seen:
        os.write(terminal, waiting.pop(0)[1])
sys.stdout.buffer.write(seen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
