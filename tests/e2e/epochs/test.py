"""Members that change, with real nodes on loopback: 3 found the consortium, it grows to 4 and 7, shrinks to 4, one gets new keys.
Meanwhile statements are submitted without a pause; at the end each of them is final once, and everywhere.

python3 test.py --program tally --signer statement_signer [--keep FOLDER]
Ends with 0, or with 1 and the reason.
"""
import argparse
import hashlib
import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE_S = 60
ANSWER_S = 8
SMALL_EPOCH = "512 KiB"
ROOMY_EPOCH = 1 << 20  # bytes: a proposal and its votes fit in half of it
SMALL_FILES = "\n[disk]\nsegment = 64 KiB\n"
HEADER, ENTRY, EPOCH = 36, 5, 6  # src/host/disk_log.c, src/replica/replica.h

began = time.monotonic()


def say(text):
    print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)


class Failed(Exception):
    pass


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Organisation:
    def __init__(self, world, letter, ports=None):
        self.world = world
        self.name = f"org:{letter}"
        self.folder = world.folder / letter
        self.wire, self.http = ports or free_ports(2)
        self.process = None
        self.speaking = threading.Lock()  # one speaks for an organisation at a time
        world.tally("init", "org", "--folder", self.folder, "--id", self.name, "--address", f"127.0.0.1:{self.wire}", "--http", f"127.0.0.1:{self.http}")

    def take_genesis(self):
        shutil.copy(self.world.folder / "genesis.cbor", self.folder / "genesis.cbor")

    def start(self):
        self.take_genesis()
        with open(self.folder / "node.log", "ab") as log:
            self.process = subprocess.Popen([self.world.program, "node", "--config", self.folder / "node.ini"], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def end(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} has ended with {self.process.returncode}")
        self.process.terminate()
        code = self.process.wait(15)
        self.process = None
        if code != 0:
            raise Failed(f"{self.name} ended with {code}")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http}"

    def ask(self, path, body=None, patience=ANSWER_S):
        """(status, document); (None, None): no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=patience)
        try:
            connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/cose"} if body else {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        except (OSError, ValueError, http.client.HTTPException):
            return None, None
        finally:
            connection.close()

    def look(self):
        return self.ask("/api/v1/node", patience=3)[1]

    def notes(self, event):
        return [line for line in (self.folder / "node.log").read_text(errors="replace").splitlines() if f" event={event} " in line + " "]


class Outsider:
    """A daemon beside the nodes, which has the chain of epochs as a file."""

    def __init__(self, world, name, *command):
        self.world, self.folder, self.chain = world, world.folder / name, world.folder / name / "epochs.cbor"
        self.command, self.process = command, None
        world.outsiders.append(self)

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([self.world.program, *self.command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def notes(self, event):
        return [line for line in (self.folder / "log").read_text(errors="replace").splitlines() if f" event={event} " in line + " "]

    def fetch(self, node, out=None):
        self.world.tally("export", "--node", node.url, "--epochs", "--out", out or self.chain)

    def end(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.folder.name} has ended with {self.process.returncode}")
        self.process.terminate()
        if (code := self.process.wait(15)) != 0:
            raise Failed(f"{self.folder.name} ended with {code}")


class Speaker(threading.Thread):
    """Submits one organisation's statements, one after another, at whatever node answers."""

    def __init__(self, world, organisation):
        super().__init__(daemon=True)
        self.world, self.organisation = world, organisation
        self.final, self.resting, self.ending, self.failure = [], threading.Event(), False, None
        self.signer = subprocess.Popen([world.signer, world.folder / "genesis.cbor", organisation.name, organisation.folder / "keys/record.key"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def sign(self, seq, prev):
        self.signer.stdin.write(f"0 {seq} {prev} item-{seq}\n")
        self.signer.stdin.flush()
        return bytes.fromhex(self.signer.stdout.readline())

    def head(self):
        """As a running node knows it; the highest, as some may be behind."""
        heads = []
        for node in self.world.running():
            for entity in (node.ask("/api/v1/entities?kind=org")[1] or {}).get("entities", []):
                if entity["name"] == self.organisation.name:
                    heads.append((entity["last_seq"], entity["last_id"]))
        if not heads:
            raise Failed(f"nobody knows {self.organisation.name}")
        return max(heads)

    def submit(self, statement):
        wanted = hashlib.sha256(statement).hexdigest()
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            for node in self.world.running():
                code, answer = node.ask("/api/v1/statements?wait=5000", statement)
                if code in (200, 201):
                    return wanted
                if code in (400, 403):
                    raise Failed(f"{self.organisation.name}: {node.name} refuses: {answer}")
            time.sleep(0.1)
        raise Failed(f"{self.organisation.name}: a statement is not final after {PATIENCE_S} s")

    def run(self):
        try:
            while not self.ending:
                if self.resting.is_set():
                    time.sleep(0.05)
                    continue
                with self.organisation.speaking:
                    seq, prev = self.head()
                    for _ in range(10):
                        seq += 1
                        prev = self.submit(self.sign(seq, prev))
                        self.final.append(prev)
                time.sleep(0.02)
        except Exception as error:  # told by the main thread
            self.failure = error

    def rest(self):
        self.resting.set()
        with self.organisation.speaking:  # what it was saying is final
            pass

    def end(self):
        self.ending = True
        self.join()
        self.signer.stdin.close()
        self.signer.wait()
        if self.failure:
            raise self.failure


class World:
    def __init__(self, arguments, folder):
        self.program, self.signer, self.folder = arguments.program, arguments.signer, folder
        self.all = {}
        self.members = []
        self.speakers = []
        self.outsiders = []

    def tally(self, *words, code=0):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, timeout=PATIENCE_S * 2, check=False)
        if done.returncode != code:
            raise Failed(f"tally {' '.join(map(str, words))} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def __getitem__(self, letter):
        return self.all[letter]

    def make(self, letters):
        for letter in letters:
            self.all[letter] = Organisation(self, letter)

    def running(self):
        return [each for each in self.members if each.process]

    def wait(self, what, reached):
        until = time.monotonic() + PATIENCE_S
        while not (found := reached()):
            if time.monotonic() > until:
                for each in self.all.values():
                    looked = each.look() if each.process else None
                    if looked:
                        print({name: looked[name] for name in ("org", "member", "epoch", "epochs_ahead", "log_size", "round", "highest_round", "decided_round")})
                raise Failed(f"{what}: not within {PATIENCE_S} s")
            time.sleep(0.1)
        return found

    def equal(self, names, epoch=None):
        """All of these have one log and one epoch."""
        def reached():
            looks = [self[name].look() for name in names]
            return all(looks) and len({(look["epoch"], look["log_size"], look["log_root"]) for look in looks}) == 1 \
                and (epoch is None or looks[0]["epoch"] == epoch) and looks
        return reached

    def in_epoch(self, names, epoch):
        return lambda: all((self[name].look() or {}).get("epoch", -1) >= epoch for name in names)

    def change(self, proposer, voters, *words, before_last=lambda: None):
        """Propose and vote until the epoch has changed; returns its number."""
        epoch = self[proposer].look()["epoch"]
        reached = [f"the epoch has changed: it is {epoch + 1} now"]

        def speak(letter, *words):
            member = self[letter]
            node = member if member.process else self.running()[0]
            with member.speaking:
                return self.tally("member", *words, "--as", member.folder, "--node", node.url)

        out = speak(proposer, *words, "--reason", "a test")
        proposal = out.split("\n")[0].split()[-1]
        for i, voter in enumerate(voters):
            if reached[0] in out:
                raise Failed(f"{voter}'s vote was not needed for {words}")
            self.wait(f"{voter} knows of the proposal", lambda who=self[voter]: proposal in json.dumps((who if who.process else self.running()[0])
                                                                                                     .ask("/api/v1/members")[1] or {}))
            if i + 1 == len(voters):
                before_last()
            out = speak(voter, "vote", proposal[:12], "yes")
        if reached[0] not in out:
            raise Failed(f"the last vote on {words} does not tell that the epoch changed: {out}")
        say(f"{' '.join(map(str, words))}: {out.splitlines()[-1]}")
        return epoch + 1


def statements(node):
    """[(id, index)] of all that the node shows."""
    shown, after = [], ""
    while True:
        code, page = node.ask(f"/api/v1/statements?limit=1000{after}")
        if code != 200:
            raise Failed(f"{node.name} does not show its statements: {code}")
        shown += [(each["id"], each["index"]) for each in page["statements"]]
        if page["next"] is None:
            return shown
        after = f"&after={page['statements'][-1]['index']}"


def judge(world, names, speakers):
    looks = world.wait("equal logs", world.equal(names))
    submitted = [each for speaker in speakers for each in speaker.final]
    for name in names:
        shown = statements(world[name])
        ids = [each for each, _ in shown]
        if len(ids) != len(set(ids)) or [index for _, index in shown] != list(range(len(shown))):
            raise Failed(f"org:{name} shows a statement twice, or a gap")
        missing = set(submitted) - set(ids)
        if missing:
            raise Failed(f"org:{name} lacks {len(missing)} statements that were acknowledged")
    if len(submitted) != len(set(submitted)):
        raise Failed("a statement was acknowledged twice as another")
    say(f"{len(submitted)} statements are final once and everywhere; {looks[0]['log_size']} entries with one root, epoch {looks[0]['epoch']}")


def verify_outside(world, speaker):
    """Who has the genesis and the chain believes what any member shows of old and new epochs; the genesis alone is not enough."""
    chain, bundle, receipt, statement = (world.folder / name for name in ("chain", "bundle", "receipt", "statement"))
    world.tally("export", "--node", world["a"].url, "--epochs", "--out", chain)
    trust = ("--genesis", world.folder / "genesis.cbor", "--epochs", chain)
    for name, which in (("a", 0), ("d", -1), ("c", 0)):
        each = speaker.final[which]
        world.wait("a checkpoint", lambda node=world[name], each=each: node.ask(f"/api/v1/export/{each}")[0] != 409)
        world.tally("export", "--node", world[name].url, "--out", bundle, each)
        world.tally("verify", *trust, bundle)
        world.tally("export", "--node", world[name].url, "--receipt", "--statement", statement, "--out", receipt, each)
        world.tally("verify", *trust, receipt, statement)
        receipt.unlink()
        statement.unlink()
        bundle.unlink()
    world.tally("export", "--node", world["a"].url, "--out", bundle, speaker.final[-1])
    world.tally("verify", "--genesis", world.folder / "genesis.cbor", bundle, code=1)
    say("an outsider follows the epochs")


def submit_many(world, letter, count):
    """In batches, so that there are more entries than one place of the index covers."""
    speaker = Speaker(world, world[letter])
    with world[letter].speaking:
        seq, prev = speaker.head()
        while count > 0:
            part = []
            for _ in range(min(count, 256)):
                seq += 1
                part.append(speaker.sign(seq, prev))
                prev = hashlib.sha256(part[-1]).hexdigest()
            code, answer = world["a"].ask("/api/v1/statements/batch", b"".join(part), patience=40)
            if code != 200 or any(each["status"] not in ("ok", "duplicate") for each in answer["results"]):
                raise Failed(f"a batch of {letter} was not taken: {code} {str(answer)[:300]}")
            count -= len(part)
    speaker.signer.stdin.close()
    speaker.signer.wait()


def frames(path):
    """[(offset, kind)] of the frames of a log's first file."""
    data, at, found = path.read_bytes(), HEADER, []
    while at + 20 <= len(data):
        found.append((at, data[at + 4]))
        at += int.from_bytes(data[at:at + 4], "little") + 20
    return found


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x40]))


def damage(world):
    """A log of entries that the disk spoils; all of it lost; kill -9 while everything is fetched again."""
    member = world["c"]
    entries = member.folder / "data/entries.000000"
    member.end()
    with open(entries, "ab") as file:
        file.write(b"\x90\x01\x00\x00\x05torn")
    member.start()
    world.wait("c is back with a torn end", world.equal("abcd"))
    if not member.notes("log_tail_cut"):
        raise Failed("nothing was cut")
    member.end()
    found = frames(entries)
    sealed = max(at for at, kind in found if kind == EPOCH)
    loose = [at for at, kind in found if at > sealed and kind == ENTRY]
    flip(entries, loose[-2] + 30)
    member.start()
    world.wait("c is back without its newest entries", world.equal("abcd"))
    if not member.notes("entries_cut"):
        raise Failed("the damage was not cut")
    member.end()
    if len([at for at, kind in frames(entries) if at > sealed and kind == ENTRY]) < len(loose):
        raise Failed("what was cut did not come again")
    flip(entries, found[1][0] + 30)
    member.start()
    member.process.wait(15)
    if member.process.returncode != 1 or "the blocks that it came from are gone" not in (member.folder / "node.log").read_text(errors="replace"):
        raise Failed("c does not tell that its entries are damaged")
    (member.folder / "data").rename(member.folder / "data.old")
    before = len(member.notes("rebased"))
    for delay in (0.15, 0.3, 0.45, 0.6, 0.8):
        member.start()
        time.sleep(delay)
        member.kill()
    member.start()
    world.wait("c has everything again", world.equal("abcd"))
    if len(member.notes("rebased")) <= before:
        raise Failed("c fetched everything, but not as entries")
    # The process ended before the old blocks were deleted.
    member.end()
    for old in (member.folder / "data.old").glob("log.*"):
        shutil.copy(old, member.folder / "data")
    member.start()
    world.wait("c passes by the blocks of old epochs", world.equal("abcd"))
    # With a copy of another member's entries it starts where that one was.
    member.end()
    shutil.rmtree(member.folder / "data")
    (member.folder / "data").mkdir(mode=0o700)
    shutil.copy(world["d"].folder / "data/entries.000000", member.folder / "data")
    before = len(member.notes("rebased"))
    member.start()
    world.wait("c begins with another's entries", world.equal("abcd"))
    if len(member.notes("rebased")) != before:
        raise Failed("c did not begin with them")
    say("c had its log of entries torn, damaged and lost")


def lose_keys(world):
    """c has lost everything, and comes back with other keys that another member proposes."""
    lost = world["c"]
    lost.kill()
    lost.folder.rename(lost.folder.with_name("c-lost"))
    member = world.all["c"] = Organisation(world, "c", (lost.wire, lost.http))
    world.members[2] = member
    member.start()
    epoch = world.change("b", "ad", "rotate-key", member.folder / "org.cose")
    world.wait("c is a member with other keys", world.equal("abcd", epoch))
    world.wait("c takes part", lambda: (member.look() or {}).get("member") == 2)
    if not member.notes("other_keys"):
        raise Failed("c did not tell that the members know other keys")


def grow(world):
    submit_many(world, "c", 1500)
    # A folder of a version that had no log of entries.
    member = world["c"]
    member.end()
    entries = member.folder / "data/entries.000000"
    size = entries.stat().st_size
    entries.unlink()
    member.start()
    world.wait("c makes its entries from the blocks", lambda: world.equal("abc")() and entries.stat().st_size >= size)
    world["d"].start()  # knows the genesis, and that is all
    epoch = world.change("a", "bc", "add", world["d"].folder / "org.cose")
    world.members.append(world["d"])
    world.wait("d is a member like the others", world.equal("abcd", epoch))
    for name in "abcd":
        if world[name].look()["tolerance"]["mode"] != "byzantine":
            raise Failed("four members are not told to be Byzantine fault tolerant")
    world["c"].end()
    say("c stops")
    for name, voters in (("e", "bd"), ("f", "bde"), ("g", "bdef")):
        world[name].start()
        epoch = world.change("a", voters, "add", world[name].folder / "org.cose")
        world.members.append(world[name])
        world.wait(f"{name} has caught up", world.in_epoch("abdefg"["abdefg".index("a"):"abdefg".index(name) + 1], epoch))
    world["c"].start()
    world.wait("c, who was away for three epochs, is there again", world.equal("abcdefg", epoch))
    if not world["c"].notes("rebased"):
        raise Failed("c came back, but not from entries")
    say("c is there again, from entries")


class LastWords(threading.Thread):
    """A member that is being removed speaks at its own node, until it is told to go elsewhere."""

    def __init__(self, world, organisation):
        super().__init__(daemon=True)
        self.speaker, self.organisation, self.answer = Speaker(world, organisation), organisation, None
        self.start()

    def run(self):
        seq, prev = self.speaker.head()
        code = 201
        while code in (200, 201):
            seq += 1
            statement = self.speaker.sign(seq, prev)
            prev = hashlib.sha256(statement).hexdigest()
            code, self.answer = self.organisation.ask("/api/v1/statements?wait=20000", statement, patience=25)

    def end(self):
        self.join(30)
        self.speaker.signer.stdin.close()
        self.speaker.signer.wait()
        if "is no member now" not in str(self.answer):
            raise Failed(f"{self.organisation.name} was removed while it spoke, and was told: {self.answer}")


def shrink(world):
    world["g"].kill()
    world.members.remove(world["g"])
    world.wait("the others agree", world.equal("abcdef"))
    epoch = world.change("a", "bcde", "remove", "org:g")
    world.wait("six", world.in_epoch("abcdef", epoch))

    # b dies while the last vote is on its way, and comes back.
    def kill():
        world["b"].kill()
        threading.Timer(0.3, world["b"].start).start()
    epoch = world.change("a", "bcde"[::-1], "remove", "org:f", before_last=kill)
    world.members.remove(world["f"])
    world.wait("five", world.in_epoch("abcde", epoch))
    last_words = LastWords(world, world["e"])
    epoch = world.change("b", "acd", "remove", "org:e")
    last_words.end()
    world.members.remove(world["e"])
    world.wait("four", world.equal("abcd", epoch))
    world.wait("nobody talks with e", lambda: not any(each["connected"] for each in world["e"].look()["members"]))
    for name in "ef":
        if world[name].look()["member"] is not None:
            raise Failed(f"{name} was removed and does not know it")
        world[name].end()


def outsiders_begin(world):
    """A gateway of d, whose node is going to show another TLS key, and a witness, which is going to see new checkpoint keys."""
    a, d = world["a"], world["d"]
    gateway = Outsider(world, "hall", "gateway", "--config", world.folder / "hall/gateway.ini")
    world.tally("init", "gateway", "--folder", gateway.folder, "--id", "gw:d/hall", "--site", "plant/hall", "--genesis", world.folder / "genesis.cbor",
                "--broker", f"127.0.0.1:{free_ports(1)[0]}", "--http", f"127.0.0.1:{free_ports(1)[0]}")
    with open(gateway.folder / "gateway.ini", "a", encoding="utf-8") as ini:
        ini.write("\n[gateway]\nepochs = epochs.cbor\n")
    with d.speaking:
        world.tally("register", "--node", d.url, "--folder", d.folder, gateway.folder / "gateway.json")
    witness = Outsider(world, "witness", "witness", "--config", world.folder / "witness/witness.ini")
    witness.folder.mkdir()
    port = free_ports(1)[0]
    (witness.folder / "witness.ini").write_text(f"[witness]\nquorum = 4\nname = witness/one\ngenesis = ../genesis.cbor\nepochs = epochs.cbor\n"
                                                f"[http]\nlisten = 127.0.0.1:{port}\n")
    (a.folder / "witness.vkey").write_text(world.tally("witness", "--config", witness.folder / "witness.ini", "--vkey"))
    a.end()
    with open(a.folder / "node.ini", "a", encoding="utf-8") as ini:
        ini.write(f"\n[witness]\nurl = http://127.0.0.1:{port} witness.vkey\n")
    a.start()
    for each in (gateway, witness):
        each.fetch(d)
        each.start()
    world.wait("the gateway is connected", lambda: d.notes("gateway_connected"))
    world.wait("the witness cosigns", lambda: witness.notes("cosigned"))


def outsiders_follow(world):
    """They run on. A chain that is not signed changes nothing, the right one everything."""
    d, (gateway, witness) = world["d"], world.outsiders
    connected = len(d.notes("gateway_connected"))
    world.wait("the record is signed", lambda: (d.ask("/api/v1/members")[1] or {"epochs": [{"signed": False}]})["epochs"][0]["signed"])
    refused = len(witness.notes("refused"))
    world.wait("the witness refuses d's new key", lambda: len(witness.notes("refused")) > refused)
    cosigned = len(witness.notes("cosigned"))
    good, bad = world.folder / "chain.good", world.folder / "chain.bad"
    gateway.fetch(d, good)
    signed = bytearray(good.read_bytes())
    signed[-1000] = ord("B" if signed[-1000] == ord("A") else "A")  # in the last signature under the newest record
    bad.write_bytes(signed)
    for each in (gateway, witness):
        shutil.copy(bad, each.chain)
        world.wait(f"{each.folder.name} refuses the chain", lambda each=each: each.notes("epochs_refused"))
    time.sleep(2)
    if len(d.notes("gateway_connected")) != connected or len(witness.notes("cosigned")) != cosigned or gateway.notes("epochs_followed"):
        raise Failed("a chain was followed that is not signed")
    for each in (gateway, witness):
        shutil.copy(good, each.chain)
        world.wait(f"{each.folder.name} follows", lambda each=each: each.notes("epochs_followed"))
    world.wait("the gateway is connected with d's new key", lambda: len(d.notes("gateway_connected")) > connected)
    world.wait("the witness cosigns again", lambda: len(witness.notes("cosigned")) > cosigned)
    for each in (gateway, witness):
        each.end()
    say("a gateway and a witness follow while they run")


def rotate(world):
    member = world["d"]
    world.tally("keys", "next", member.folder)
    world.tally("keys", "next", member.folder, code=1)
    world.tally("member", "add", member.folder / "org.cose", "--node", member.url, code=2)
    world.tally("member", "vote", "0123456789ab", "yes", "--as", member.folder, "--node", member.url, code=1)
    world.tally("member", "add", member.folder / "org.cose", "--as", member.folder, "--node", member.url, code=1)
    world.tally("member", "remove", "org:nobody", "--as", member.folder, "--node", member.url, code=1)
    old = (member.folder / "keys/tls.key").read_bytes(), (member.folder / "keys/next/tls.key").read_bytes()
    process = member.process
    epoch = world.change("d", "ab", "rotate-key", member.folder / "keys/next/org.cose")
    world.wait("d has its new keys in use", lambda: world.equal("abcd", epoch)() and member.look()["member"] is not None
               and sum(each["connected"] for each in member.look()["members"]) == 4)
    if (member.folder / "keys/tls.key").read_bytes() != old[1] or (member.folder / f"keys/old-{epoch}/tls.key").read_bytes() != old[0]:
        raise Failed("the keys of d did not move")
    if (member.folder / "keys/next").exists() or not member.notes("keys_changed"):
        raise Failed("d does not tell that its keys changed")
    if member.process is not process or process.poll() is not None:
        raise Failed("d was restarted")
    rotated = member.ask("/api/v1/members")[1]["epochs"][0]["rotated"]
    if rotated != ["org:d"]:
        raise Failed(f"the epoch does not tell whose keys changed: {rotated}")
    # A process that ended while it moved them.
    member.end()
    (member.folder / "keys/next").mkdir(mode=0o700)
    (member.folder / "keys/tls.key").rename(member.folder / "keys/next/tls.key")
    member.start()
    world.wait("d moves what is left", world.equal("abcd"))
    if (member.folder / "keys/next").exists():
        raise Failed("keys/next is still there")
    # Its new record key signs, and a vote against counts for nothing.
    with world["a"].speaking:
        out = world.tally("member", "remove", "org:c", "--as", member.folder, "--node", member.url)
        proposal = out.split()[3]
        out += world.tally("member", "vote", proposal[:8], "no", "--as", world["a"].folder, "--node", member.url)
    if "1 yes, 0 no; 2 more needed" not in out or "1 yes, 1 no; 2 more needed" not in out:
        raise Failed(f"the votes are not told: {out}")
    votes = {each["iss"]: each["yes"] for each in member.ask("/api/v1/members")[1]["proposals"][0]["votes"]}
    if votes != {"org:d": True, "org:a": False}:
        raise Failed(f"the interface tells other votes: {votes}")
    # Its blocks count: with c away, three of four are needed, and d is one of them.
    world["c"].end()
    size = member.look()["log_size"]
    world.wait("d takes part", lambda: (member.look() or {}).get("log_size", 0) > size + 20)
    world["c"].start()
    world.wait("c is back", world.equal("abcd"))


def rotate_closed(world):
    """The new keys are encrypted, and the node is not told the passphrase: it lives on, and takes them at its next start."""
    member = world["d"]
    passphrase = member.folder / "passphrase"
    passphrase.write_text("correct horse\n")
    passphrase.chmod(0o600)
    world.tally("keys", "next", member.folder, "--passphrase-file", passphrase)
    world.change("d", "ab", "rotate-key", member.folder / "keys/next/org.cose")
    world.wait("d cannot read them, and lives on", lambda: member.notes("next_keys_unreadable") and member.notes("other_keys") and member.look())
    member.end()
    with open(member.folder / "node.ini", "a", encoding="utf-8") as ini:
        ini.write("\n[keys]\npassphrase_file = passphrase\n")
    member.start()
    world.wait("d has its new keys in use", lambda: world.equal("abcd")() and sum(each["connected"] for each in member.look()["members"]) == 4)
    if (member.folder / "keys/next").exists():
        raise Failed("the keys of d did not move")


def found(world, founders, others="", settings="", small_files=""):
    """The consortium of the founders runs, and two of them speak."""
    world.make(founders)
    world.tally("init", "genesis", "--name", "test", "--out", world.folder / "genesis.cbor", *(world[name].folder / "org.cose" for name in founders))
    world.make(others)
    for each in world.all.values():
        with open(each.folder / "node.ini", "a", encoding="utf-8") as ini:
            ini.write(settings + (SMALL_FILES if each.name[-1] in small_files else ""))
    world.members = [world[name] for name in founders]
    for name in founders:
        world[name].start()
    world.wait(f"{len(founders)} agree", world.equal(founders))
    world.speakers = [Speaker(world, world[name]) for name in "ab"]
    for speaker in world.speakers:
        speaker.start()
    return world.speakers


def tell(world, speakers, parts, outsider=False, names="abcd"):
    try:
        for part in parts:
            part(world)
            for speaker in speakers:
                if speaker.failure:
                    raise speaker.failure
    finally:
        for speaker in speakers:
            speaker.ending = True
    for speaker in speakers:
        speaker.end()
    judge(world, names, speakers)
    if outsider:
        verify_outside(world, speakers[0])
    # What a node starts from is what it had.
    looks = [world[name].look() for name in names]
    for name in names:
        world[name].end()
    for name in names:
        world[name].start()
    again = world.wait("all are back", world.equal(names))
    if (again[0]["log_size"], again[0]["log_root"]) != (looks[0]["log_size"], looks[0]["log_root"]):
        raise Failed("after a new start the log is another one")
    judge(world, names, speakers)
    for name in names:
        world[name].end()


def weigh(world):
    """Epochs that end because they have become heavy, with one member away."""
    first = world["a"].look()["epoch"]
    world["c"].kill()
    size = world["a"].look()["log_size"]
    world.wait("epochs pass", world.in_epoch("abd", first + 4))
    world.wait("statements do, too", lambda: (world["a"].look() or {}).get("log_size", 0) > size + 20)
    world["c"].start()
    world.wait("c is in the others' epoch", world.in_epoch("c", first + 4))
    world.wait("c is like the others", world.equal("abcd"))
    if not world["c"].notes("rebased"):
        raise Failed("c came back, but not from entries")
    say(f"epochs passed by weight: {first} to {world['a'].look()['epoch']}")


def block_files(member):
    return sorted((member.folder / "data").glob("log.[0-9]*"))


def bytes_of(files):
    return sum(file.stat().st_size for file in files)


def begins_later(member):
    """The position of the first block that is still in its files; the head of a file tells it."""
    return int.from_bytes(block_files(member)[0].read_bytes()[8:16], "little")


def fill(world, least):
    """Statements, until the epoch has that number and is not yet half full."""
    until = time.monotonic() + PATIENCE_S
    while (look := world["a"].look())["epoch"] < least or look["epoch_cost"] > ROOMY_EPOCH // 2:
        if time.monotonic() > until:
            raise Failed(f"no epoch {least} after {PATIENCE_S} s")
        submit_many(world, "c", 128)


def prune(world):
    """Files of blocks of past epochs are really deleted; who has deleted them restarts, and serves entries to a new member."""
    a, b, e = world["a"], world["b"], world["e"]
    fill(world, 4)
    for name in "bcd":
        world.wait(f"{name} deletes files of blocks", lambda member=world[name]: begins_later(member) > 0)
        if (world[name].folder / "data/log.000000").exists() or not len(list((world[name].folder / "data").glob("entries.*"))) > 1:
            raise Failed(f"{name} has its first file of blocks still, or its entries are in one file")
    if begins_later(a) or bytes_of(block_files(b)) >= bytes_of(block_files(a)):
        raise Failed("a, whose one file is large, should have more blocks than b")
    say(f"b has {len(block_files(b))} files of blocks with {bytes_of(block_files(b)) >> 10} KiB, a has {bytes_of(block_files(a)) >> 10} KiB")
    b.kill()
    time.sleep(1)
    b.start()
    world.wait("b is back without old blocks", world.equal("abcd"))
    first = begins_later(b)
    for speaker in world.speakers:
        speaker.rest()
    fill(world, a.look()["epoch"] + 2)
    world.wait("b deletes more", lambda: begins_later(b) > first)
    a.end()
    e.start()
    epoch = world.change("b", "cd", "add", e.folder / "org.cose")
    world.members.append(e)
    world.wait("e has what those have who deleted their blocks", world.equal("bcde", epoch))
    if not e.notes("rebased"):
        raise Failed("e came, but not from entries")
    a.start()
    world.wait("a is back", world.equal("abcde"))
    for speaker in world.speakers:
        speaker.resting.clear()
    chain, bundle, early = world.folder / "chain", world.folder / "bundle", world.speakers[0].final[0]
    for member in (b, e):
        world.wait("a checkpoint", lambda node=member: node.ask(f"/api/v1/export/{early}")[0] != 409)
        world.tally("export", "--node", member.url, "--epochs", "--out", chain)
        world.tally("export", "--node", member.url, "--out", bundle, early)
        world.tally("verify", "--genesis", world.folder / "genesis.cbor", "--epochs", chain, bundle)
        chain.unlink()
        bundle.unlink()


def main_story(world):
    tell(world, found(world, "abc", "defg"), (grow, shrink, outsiders_begin, rotate, outsiders_follow, lose_keys, damage, rotate_closed), outsider=True)


def weight_story(world):
    tell(world, found(world, "abcd", settings=f"\n[consensus]\nepoch_bytes = {SMALL_EPOCH}\n"), (weigh,))


def pruning_story(world):
    tell(world, found(world, "abcd", "e", settings=f"\n[consensus]\nepoch_bytes = {ROOMY_EPOCH >> 10} KiB\n", small_files="bcde"), (prune,), names="abcde")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True, type=lambda text: str(pathlib.Path(text).resolve()))
    parser.add_argument("--signer", required=True, type=lambda text: str(pathlib.Path(text).resolve()))
    parser.add_argument("--keep", help="use this folder, and leave it")
    parser.add_argument("--only", help="one story: members, weight, pruning")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.keep or tempfile.mkdtemp(prefix="tally-test-epochs-"))
    for name, story in (("members", main_story), ("weight", weight_story), ("pruning", pruning_story)):
        if arguments.only not in (None, name):
            continue
        (folder / name).mkdir(parents=True)
        world = World(arguments, folder / name)
        try:
            story(world)
        except Failed as error:
            print(f"FAILED  {error}; folder {folder}")
            for each in world.all.values():
                log = each.folder / "node.log"
                if log.exists():
                    print(f"-- {each.name}")
                    print("\n".join(log.read_text(errors="replace").splitlines()[-12:]))
            return 1
        finally:
            for each in world.all.values():
                if each.process:
                    each.kill()
            for each in world.outsiders:
                if each.process:
                    each.process.kill()
    if not arguments.keep:
        shutil.rmtree(folder)
    return 0


sys.exit(main())
