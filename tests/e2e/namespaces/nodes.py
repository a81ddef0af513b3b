"""Four real nodes, each in a network namespace of its own, on bad days; clients that write down what they are told; and
at the end a judge who knows nothing of the inside (history.py).

python3 nodes.py --program tally --signer statement_signer [--seed N] [--wild SECONDS] [--keep FOLDER]
With --wild, days are drawn at random from the seed, in place of the story below. Ends with 0, with 1 and reasons, or with 77 if this machine has no namespaces for us (skipped).
"""
import argparse
import hashlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import cables
import history

ROLES = ["manufacturer", "supplier", "repair", "regulator"]
WIRE_PORT, HTTP_PORT = 7101, 8101
ANSWER_S = 3          # a client waits so long, and then does not know
PARTITION_S = 20      # longer than a node believes a silent link (15 s), so that all have to be made again
STOPPED_S = 18        # so, too

began = time.monotonic()


def say(text):
    print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)


class Failed(Exception):
    pass


class Node:
    """A `tally node`, its namespace, and the way to its HTTP interface, which is on its own loopback."""

    def __init__(self, index, folder, program):
        self.index = index
        self.name = f"org:{ROLES[index]}"
        self.folder = folder / ROLES[index]
        self.program = program
        self.address = f"10.77.0.{index + 1}"
        self.namespace, self.tap = cables.namespace_make("floor0", self.address, "255.255.255.0")
        self.process = None

    def start(self):
        with open(self.folder / "node.log", "ab") as log, cables.inside(self.namespace):
            self.process = subprocess.Popen([self.program, "node", "--config", self.folder / "node.ini"], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def end(self):
        """As an operator does; a node that has ended before, or ends badly, is a failure."""
        code = self.process.poll()
        if code is not None:
            raise Failed(f"{self.name} has ended with {code}; see {self.folder}/node.log")
        self.process.terminate()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{self.name} does not end on SIGTERM") from error
        self.process = None
        if code != 0:
            raise Failed(f"{self.name} ended with {code}; see {self.folder}/node.log")

    def ask(self, path, body=None, wait_s=ANSWER_S):
        """(status, JSON); OSError or HTTPException when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", HTTP_PORT, timeout=wait_s)
        try:
            with cables.inside(self.namespace):
                connection.connect()
            connection.request("GET" if body is None else "POST", path, body, {} if body is None else {"Content-Type": "application/cose"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def look(self):
        try:
            code, answer = self.ask("/api/v1/node", wait_s=1)
            return answer if code == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def log(self):
        answer = self.look()
        if not answer:
            raise Failed(f"{self.name} does not answer at the end")
        entries, after = [], ""
        while after is not None:
            code, page = self.ask(f"/api/v1/statements?limit=1000{after}", wait_s=20)
            if code != 200:
                raise Failed(f"{self.name} does not show its log: {page}")
            entries += [{"index": s["index"], "id": s["id"], "issuer": s["iss"], "seq": s["seq"]} for s in page["statements"]]
            after = None if page["next"] is None else f"&after={page['next']}"
        return {"size": answer["log_size"], "root": answer["log_root"], "entries": entries}


class Signer:
    """The one process that holds the issuers' keys."""

    def __init__(self, program, genesis, nodes):
        arguments = [argument for node in nodes for argument in (node.name, node.folder / "keys" / "record.key")]
        self.process = subprocess.Popen([program, genesis, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock = threading.Lock()

    def sign(self, issuer, seq, prev, word):
        with self.lock:
            self.process.stdin.write(f"{issuer} {seq} {prev} {word}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline().strip()
        if not line:
            raise Failed("the signer ended")
        statement = bytes.fromhex(line)
        return statement, hashlib.sha256(statement).hexdigest()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Record:
    """What all clients were told; appended to from any thread."""

    def __init__(self):
        self.operations = []
        self.looks = []
        self.reasons = []   # of refusals that nobody asked for

    def acknowledged(self, since=0.0):
        return sum(1 for each in list(self.operations) if each["outcome"] == "final" and each["end"] >= since)


class Client(threading.Thread):
    """One issuer. It submits a statement at any node until it knows what became of it, then makes the next one. Some
    statements go to two nodes at once, and at times it signs two for one number, of which one at most may come in."""

    def __init__(self, issuer, nodes, signer, record, seed):
        super().__init__(daemon=True)
        self.issuer, self.nodes, self.signer, self.record = issuer, nodes, signer, record
        self.random = random.Random(seed * 100 + issuer)
        self.seq = 1
        self.prev = None    # id of its statement before; the genesis' own at first
        self.stopping = threading.Event()
        self.broken = None

    def run(self):
        try:
            while not self.stopping.is_set():
                self.next()
        except Exception as error:  # a thread's exception would be lost otherwise
            self.broken = error

    def next(self):
        way = self.random.random()
        words = ["left", "right"] if way < 0.08 else ["one"]
        rivals = [self.signer.sign(self.issuer, self.seq + 1, self.prev, f"{word}-{self.random.getrandbits(40)}") for word in words]
        fates = {}
        while len(fates) < len(rivals) and not self.stopping.is_set():
            places = self.random.sample(self.nodes, 2)
            if len(rivals) == 2:
                jobs = [(rival, place) for rival, place in zip(rivals, places) if rival[1] not in fates]
            else:
                jobs = [(rivals[0], place) for place in (places if way > 0.9 else places[:1])]
            self.together(jobs, fates)
            if len(fates) < len(rivals):
                self.stopping.wait(0.1)
        winners = [each for each, fate in fates.items() if fate == "final"]
        if len(fates) == len(rivals):
            if len(winners) != 1:
                raise Failed(f"{self.nodes[self.issuer].name}'s {self.seq + 1}: {len(winners)} of {len(rivals)} became final; {self.record.reasons[-2:]}")
            self.seq, self.prev = self.seq + 1, winners[0]

    def together(self, jobs, fates):
        threads = [threading.Thread(target=self.submit, args=(*rival, place, fates), daemon=True) for rival, place in jobs[1:]]
        for thread in threads:
            thread.start()
        self.submit(*jobs[0][0], jobs[0][1], fates)
        for thread in threads:
            thread.join()

    def submit(self, statement, identity, node, fates):
        begin, outcome, index = time.monotonic(), "unknown", None
        try:
            code, answer = node.ask("/api/v1/statements", statement)
            if code in (200, 201):
                outcome, index = "final", answer["index"]
            elif code not in (503, 504):
                outcome = "refused"
                self.record.reasons.append(f"{node.name}: {code} {answer}")
        except (OSError, http.client.HTTPException, ValueError):
            pass
        end = time.monotonic()
        self.record.operations.append({"issuer": self.nodes[self.issuer].name, "seq": self.seq + 1, "id": identity, "node": node.name,
                                       "begin": begin, "end": end, "outcome": outcome, "index": index})
        if outcome != "unknown":
            fates[identity] = outcome


class Watcher(threading.Thread):
    """Asks each node for the size and root of its log, again and again."""

    def __init__(self, nodes, record):
        super().__init__(daemon=True)
        self.nodes, self.record = nodes, record
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(0.3):
            for node in self.nodes:
                answer = node.look()
                if answer:
                    self.record.looks.append({"node": node.name, "size": answer["log_size"], "root": answer["log_root"]})


class Story:
    def __init__(self, options, folder):
        self.folder = folder
        self.program = os.path.abspath(options.program)
        self.nodes = [Node(i, folder, self.program) for i in range(len(ROLES))]
        self.switch = cables.Switch([node.tap for node in self.nodes])
        self.record = Record()
        self.genesis = []
        self.set_up()
        self.signer = Signer(os.path.abspath(options.signer), folder / "genesis.cbor", self.nodes)
        self.clients = [Client(i, self.nodes, self.signer, self.record, options.seed) for i in range(len(self.nodes))]
        self.watcher = Watcher(self.nodes, self.record)

    def tally(self, *arguments):
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"tally {arguments[0]} {arguments[1]}: {done.stderr}")

    def set_up(self):
        for node in self.nodes:
            self.tally("init", "org", "--folder", node.folder, "--id", node.name, "--role", ROLES[node.index],
                       "--address", f"{node.address}:{WIRE_PORT}", "--http", f"127.0.0.1:{HTTP_PORT}")
        genesis = self.folder / "genesis.cbor"
        self.tally("init", "genesis", "--name", "bad days", "--out", genesis, *[node.folder / "org.cose" for node in self.nodes])
        for node in self.nodes:
            shutil.copy(genesis, node.folder)

    def begin(self):
        self.switch.start()
        for node in self.nodes:
            node.start()
        self.wait("all are connected", 30, lambda: all(self.connected(node) == len(self.nodes) for node in self.nodes))
        self.genesis = [entry["id"] for entry in self.nodes[0].log()["entries"]]
        for client, identity in zip(self.clients, self.genesis):
            client.prev = identity
            client.start()
        self.watcher.start()

    @staticmethod
    def connected(node):
        answer = node.look()
        return sum(member["connected"] for member in answer["members"]) if answer else 0

    def wait(self, what, patience_s, holds):
        started = time.monotonic()
        while not holds():
            self.all_well()
            if time.monotonic() - started > patience_s:
                raise Failed(f"not within {patience_s} s: {what}")
            time.sleep(0.1)
        return time.monotonic() - started

    def all_well(self):
        for client in self.clients:
            if client.broken:
                raise client.broken

    def calm(self, title, seconds):
        """Something must become final during these seconds."""
        since = time.monotonic()
        time.sleep(seconds)
        self.all_well()
        count = self.record.acknowledged(since)
        say(f"{title}: {count} acknowledged in {seconds} s")
        if count == 0:
            raise Failed(f"{title}: nothing became final in {seconds} s")

    def alive_again(self, title, patience_s=30):
        """Each issuer gets something new through."""
        since = time.monotonic()

        def all_did():
            done = {each["issuer"] for each in list(self.record.operations) if each["outcome"] == "final" and each["begin"] >= since}
            return len(done) == len(self.nodes)

        say(f"{title}: every issuer has a new statement final after {self.wait(title, patience_s, all_did):.1f} s")

    def caught_up(self, node, title, patience_s=40):
        """This node has at least what the others have now."""
        sizes = [answer["log_size"] for answer in (other.look() for other in self.nodes if other is not node) if answer]
        took = self.wait(f"{title}: {node.name} has {max(sizes)} entries", patience_s, lambda: (node.look() or {"log_size": 0})["log_size"] >= max(sizes))
        say(f"{title}: {node.name} has caught up with {max(sizes)} entries after {took:.1f} s")

    # The bad days, one after another; the clients go on all the time.

    def two_and_two(self):
        self.switch.partition([0, 1], [2, 3])
        cut = time.monotonic()
        time.sleep(PARTITION_S)
        operations = list(self.record.operations)
        old = {each["id"] for each in operations if each["begin"] < cut}
        false = [each for each in operations if each["outcome"] == "final" and each["id"] not in old]
        say(f"two and two: {sum(each['begin'] >= cut for each in operations)} attempts, {len(false)} acknowledged, in {PARTITION_S} s")
        if false:
            raise Failed(f"final without a quorum: {false[0]}")
        self.switch.heal()
        self.alive_again("two and two, healed")

    def slow_member(self):
        self.switch.slow(1, 0.2)
        time.sleep(2)
        self.calm("one member behind 200 ms each way", 8)
        self.switch.heal()

    def deaf_member(self):
        self.switch.deafen(0, [1, 2, 3])
        time.sleep(3)
        self.calm("one member is heard and hears nothing", 6)
        self.switch.heal()
        self.alive_again("hears again")
        self.caught_up(self.nodes[0], "hears again")

    def stopped_member(self):
        self.nodes[2].signal(signal.SIGSTOP)
        time.sleep(3)
        self.calm("one member stopped", STOPPED_S - 3)
        self.nodes[2].signal(signal.SIGCONT)
        self.caught_up(self.nodes[2], "stopped member goes on")

    def wiped_member(self):
        self.nodes[3].kill()
        shutil.rmtree(self.nodes[3].folder / "data")
        time.sleep(2)
        self.nodes[3].start()
        self.caught_up(self.nodes[3], "disk wiped")
        self.alive_again("disk wiped")

    def one_by_one(self):
        self.calm("calm", 4)
        self.two_and_two()
        self.slow_member()
        self.deaf_member()
        self.stopped_member()
        self.wiped_member()
        self.calm("calm", 4)

    def wild_day(self, chance, weakest):
        """Any one thing that may happen to any member; but only one member ever loses its disk."""
        some = chance.sample(self.nodes, chance.randint(1, len(self.nodes)))
        first = some[0]
        what = chance.choice(["cut", "slow", "deaf", "stop", "kill", "kill", "wipe", "heal", "heal"])
        say(f"{what} {[node.index for node in some]}")
        if what == "cut":
            west = {node.index for node in some}
            self.switch.partition(west, {node.index for node in self.nodes} - west)
        elif what == "slow":
            self.switch.slow(first.index, chance.uniform(0.02, 0.5))
        elif what == "deaf":
            self.switch.deafen(first.index, [node.index for node in some[1:]])
        elif what == "stop":
            for node in some:
                node.signal(signal.SIGSTOP)
            time.sleep(chance.uniform(0.1, 8))
            for node in some:
                node.signal(signal.SIGCONT)
        elif what == "kill":
            for node in some:
                node.kill()
            time.sleep(chance.uniform(0, 3))
            for node in some:
                node.start()
        elif what == "wipe":
            weakest.kill()
            shutil.rmtree(weakest.folder / "data")
            weakest.start()
        else:
            self.switch.heal()

    def wild(self, seconds, seed):
        chance = random.Random(seed)
        weakest = chance.choice(self.nodes)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.wild_day(chance, weakest)
            time.sleep(chance.uniform(0.2, 5))
            self.all_well()
        self.switch.heal()
        self.alive_again("after the wild days", 60)

    def run(self, wild_s, seed):
        self.begin()
        say("four nodes are connected, clients begin")
        if wild_s:
            self.wild(wild_s, seed)
        else:
            self.one_by_one()
        for client in self.clients:
            client.stopping.set()
        for client in self.clients:
            client.join()
        self.all_well()
        self.wait("all logs are equal", 30, lambda: len({json.dumps(self.log_head(node)) for node in self.nodes}) == 1)
        self.watcher.stopping.set()
        self.watcher.join()
        logs = {node.name: node.log() for node in self.nodes}
        return {"genesis": self.genesis, "operations": self.record.operations, "looks": self.record.looks, "logs": logs}

    @staticmethod
    def log_head(node):
        answer = node.look()
        return (answer["log_size"], answer["log_root"]) if answer else (node.index, None)

    def close(self):
        self.signer.end()
        for node in self.nodes:
            node.end()
        self.switch.end()

    def kill_all(self):
        for node in self.nodes:
            if node.process:
                node.kill()
        self.signer.process.kill()


def play(options, folder):
    """What the clients were told, or an exit code."""
    story = None
    try:
        story = Story(options, folder)
        told = story.run(options.wild, options.seed)
        story.close()
        return told
    except cables.NotPermitted as reason:
        print(f"skipped: {reason}")
        return 77
    except Failed as reason:
        say(f"FAILED: {reason}")
        for node in story.nodes if story else []:
            print(f"-- {node.name}")
            print("".join(open(node.folder / "node.log", encoding="utf-8", errors="replace").readlines()[-8:]))
        return 1
    finally:
        if story:
            story.kill_all()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--signer", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wild", type=float, default=0, metavar="SECONDS")
    parser.add_argument("--keep", help="folder for the nodes' folders and the history; made")
    options = parser.parse_args()
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="tally-namespaces-")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        told = play(options, folder)
    finally:
        if not options.keep:
            shutil.rmtree(folder)
    if isinstance(told, int):
        return told
    if options.keep:
        (folder / "history.json").write_text(json.dumps(told), encoding="utf-8")
    faults = history.judge(told)
    for fault in faults:
        print(f"FAILED: {fault}")
    count = {outcome: sum(each["outcome"] == outcome for each in told["operations"]) for outcome in ("final", "refused", "unknown")}
    print(f"history: {count['final']} final, {count['refused']} refused, {count['unknown']} unknown; {len(told['looks'])} looks; "
          f"{max(log['size'] for log in told['logs'].values())} entries; {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
