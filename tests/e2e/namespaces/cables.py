"""Network namespaces on a switch that the test holds in its hand.

Each namespace has a loopback and one Ethernet device (a TAP device) of its own kernel's; the other end of the device is a
file here. The switch carries frames between those files, and can cut a direction or hold its frames for a time. So it
needs nothing of the kernel but namespaces and /dev/net/tun, and no program beside Python. Needs CAP_NET_ADMIN and
CAP_SYS_ADMIN.
"""
import contextlib
import errno
import fcntl
import heapq
import os
import select
import socket
import struct
import threading
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8914, 0x8916, 0x891C
IFF_UP, IFF_RUNNING = 0x1, 0x40
FRAME_SIZE_MAX = 2048
HELD_MAX = 20000  # frames in all that wait for their time; what comes then is lost, as in any switch


class NotPermitted(Exception):
    """This machine or this user cannot have namespaces."""


def own_namespace():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@contextlib.contextmanager
def inside(namespace):
    """For the calling thread only; processes and sockets that it makes meanwhile stay in the namespace."""
    before = own_namespace()
    os.setns(namespace, os.CLONE_NEWNET)
    try:
        yield
    finally:
        os.setns(before, os.CLONE_NEWNET)
        os.close(before)


def request(name, payload):
    return struct.pack("16s24s", name.encode(), payload)


def address_of(text):
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))


def namespace_make(device, address, netmask):
    """A new namespace, and the file that is the other end of its Ethernet device."""
    before = own_namespace()
    try:
        os.unshare(os.CLONE_NEWNET)
    except OSError as error:
        os.close(before)
        raise NotPermitted(f"no network namespace: {error}") from error
    try:
        namespace = own_namespace()
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(tap, TUNSETIFF, request(device, struct.pack("H", IFF_TAP | IFF_NO_PI)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, SIOCSIFADDR, request(device, address_of(address)))
            fcntl.ioctl(control, SIOCSIFNETMASK, request(device, address_of(netmask)))
            for each in ("lo", device):
                fcntl.ioctl(control, SIOCSIFFLAGS, request(each, struct.pack("H", IFF_UP | IFF_RUNNING)))
    except OSError as error:
        raise NotPermitted(f"no TAP device in a network namespace: {error}") from error
    finally:
        os.setns(before, os.CLONE_NEWNET)
        os.close(before)
    return namespace, tap


class Switch(threading.Thread):
    """Carries frames between ports (TAP files), numbered in order."""

    def __init__(self, taps):
        super().__init__(daemon=True)
        self.taps = taps
        self.home = {}        # hardware address -> port
        self.cut = set()      # (from, to): nothing passes
        self.delay_s = {}     # (from, to): every frame is held so long
        self.held = []        # (due, number, to, frame)
        self.number = 0
        self.lost = 0
        self.ending = False

    def run(self):
        poll = select.poll()
        for tap in self.taps:
            poll.register(tap, select.POLLIN)
        port_of = {tap: port for port, tap in enumerate(self.taps)}
        while not self.ending:
            wait_ms = 100
            if self.held:
                wait_ms = max(0, min(wait_ms, (self.held[0][0] - time.monotonic()) * 1000))
            for tap, _ in poll.poll(wait_ms):
                self.receive(port_of[tap])
            while self.held and self.held[0][0] <= time.monotonic():
                _, _, to, frame = heapq.heappop(self.held)
                self.send(to, frame)

    def receive(self, port):
        for _ in range(64):
            try:
                frame = os.read(self.taps[port], FRAME_SIZE_MAX)
            except BlockingIOError:
                return
            self.home[frame[6:12]] = port
            target = self.home.get(frame[:6])
            for to in range(len(self.taps)) if target is None else (target,):
                if to != port:
                    self.carry(port, to, frame)

    def carry(self, port, to, frame):
        if (port, to) in self.cut:
            return
        delay_s = self.delay_s.get((port, to))
        if not delay_s:
            self.send(to, frame)
        elif len(self.held) < HELD_MAX:
            self.number += 1
            heapq.heappush(self.held, (time.monotonic() + delay_s, self.number, to, frame))
        else:
            self.lost += 1

    def send(self, to, frame):
        try:
            os.write(self.taps[to], frame)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOBUFS, errno.EIO):
                raise
            self.lost += 1

    # What the story does to the cables. Sets and dictionaries are replaced whole: the thread reads them at any time.

    def partition(self, west, east):
        self.cut = {(a, b) for a in west for b in east} | {(b, a) for a in west for b in east}

    def deafen(self, port, of):
        """`port` no longer hears the ports `of`; they hear it."""
        self.cut = {(other, port) for other in of}

    def slow(self, port, delay_s):
        others = [other for other in range(len(self.taps)) if other != port]
        self.delay_s = {(port, other): delay_s for other in others} | {(other, port): delay_s for other in others}

    def heal(self):
        self.cut = set()
        self.delay_s = {}

    def end(self):
        self.ending = True
        self.join()
