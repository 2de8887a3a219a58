#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Takes the place of QEMU and of dom0's agent, in the lab's folder. Notes what
the agent is told in `told`. $FAKE says what goes wrong: `dies` before it is
ready, `no-kvm`, or `dies-in-job`. A job whose script says `hang` never ends.
"""
import os
import signal
import socket
import sys

FAKE = os.environ.get("FAKE", "")


def write(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def run(agent, number):
    folder = f"share/jobs/{number}"
    if FAKE == "dies-in-job":
        sys.exit(1)
    with open(f"{folder}/script", encoding="utf-8") as file:
        if "hang" in file.read():
            return
    write(f"{folder}/out", "fake\n")
    write(f"{folder}/status", "5\n")
    agent.sendall(f"done {number}\n".encode())


def main():
    write("boot.log", "HVM: Hardware Assisted Paging (HAP) detected\n"
          "last words\n")
    if FAKE == "dies":
        sys.exit(1)
    with open("fake.pid", "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("agent")
    listener.listen()
    agent = listener.accept()[0]
    if FAKE == "no-kvm" and "kvm" in sys.argv:
        sys.exit(1)
    agent.sendall(b"ready\n")
    for line in agent.makefile():
        write("told", line)
        word, _, number = line.strip().partition(" ")
        if word == "run":
            run(agent, number)
        elif word == "off":
            return
    signal.pause()  # as QEMU would, whom nobody has told anything


if __name__ == "__main__":
    main()
