"""Programs that take turns: each is stopped while it is not its turn, so that threads that wait by
spinning take no time from the others. They answer lines of their standard input with JSON.

A program that goes on after a stop may find its threads put on one core, where the kernel leaves them for
some 40 ms beside an idle one: a turn at half speed. Such a turn is seen by how long threads were ready but
had no core, and taken again."""
import ctypes
import glob
import json
import os
import signal
import subprocess
import sys
import time

TRIES = 4
WAITED = 0.05  # of a turn's time: more is taken again
LONG = 0.3  # seconds of a turn that 40 ms hardly change

PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Side:
    def __init__(self, name, command, env=None):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True,
            env=dict(os.environ, **(env or {})), preexec_fn=die_with_parent)

    def ask(self, *words):
        self.send(*words)
        return self.hear()

    def send(self, *words):
        """hear() must follow: the program runs until it has answered."""
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            sys.exit("%s has ended" % self.name)

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("%s gave no answer" % self.name)
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(line)

    def waited(self):
        """Seconds that its threads have been ready to run without a core; 0 where Linux does not tell."""
        total = 0
        for path in glob.glob("/proc/%d/task/*/schedstat" % self.process.pid):
            try:
                with open(path) as file:
                    total += int(file.read().split()[1])
            except OSError:  # a thread that has just ended
                pass
        return total * 1e-9

    def end(self):
        self.process.kill()
        self.process.communicate()


def undisturbed(side, turn):
    """turn(side), of up to TRIES the first one with a core for every thread, else the nearest to it."""
    tries = []
    while len(tries) < TRIES:
        waited, start = side.waited(), time.monotonic()
        value = turn(side)
        elapsed = time.monotonic() - start
        share = (side.waited() - waited) / elapsed
        if share <= WAITED or elapsed >= LONG:
            return value
        tries.append((share, value))
    return min(tries)[1]


def in_turn(sides, rounds, turn, give_up=1.25):
    """turn(side) -> milliseconds, `rounds` times for each in turn, forwards and backwards. Gives the
    times by side. After the first round those rivals (all but the first side) that took give_up
    times as long as the best of their kind are left out."""
    times = {side: [] for side in sides}
    running = list(sides)
    for number in range(rounds):
        for side in running if number % 2 == 0 else running[::-1]:
            times[side].append(undisturbed(side, turn))
        if number == 0:
            best = {}
            for side in sides[1:]:
                best[side.name] = min(best.get(side.name, times[side][0]), times[side][0])
            running = [s for s in sides
                       if s is sides[0] or times[s][0] <= give_up * best[s.name]]
    return times
