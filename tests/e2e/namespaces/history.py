"""Judges a ledger from outside: what clients were told, against what the nodes show at the end.

It knows no more of the ledger than its documents tell anybody: a statement's id is the SHA-256 of its bytes, and a
log's root is the RFC 9162 tree over the ids. Standard library only.

A history is {"genesis": [ids of the first entries], "operations": [operation], "looks": [look], "logs": {node: log}}:
  operation  {"issuer", "seq", "id", "node", "begin", "end", "outcome", "index"}; outcome is "final" (with its index),
             "refused" or "unknown" (no answer, or none that says); begin and end in seconds of one clock
  look       {"node", "size", "root"}: what a node said of its log at some time
  log        {"size", "root", "entries": [{"index", "id", "issuer", "seq"}]}: all of it, at the end

python3 history.py FILE.json prints what is wrong with the history in FILE and ends with 1, or counts it and ends with 0.
"""
import hashlib
import json
import sys


class Tree:
    """An RFC 9162 tree that grows: the roots of its full subtrees, largest first."""

    def __init__(self):
        self.size = 0
        self.peaks = []

    def append(self, entry):
        node, height = hashlib.sha256(b"\0" + entry).digest(), 0
        while self.size >> height & 1:
            node = hashlib.sha256(b"\1" + self.peaks.pop() + node).digest()
            height += 1
        self.peaks.append(node)
        self.size += 1

    def root(self):
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = hashlib.sha256(b"\1" + peak + node).digest()
        return node


def roots_of(ids):
    """The root at each size from 0 on."""
    tree = Tree()
    roots = [tree.root().hex()]
    for each in ids:
        tree.append(bytes.fromhex(each))
        roots.append(tree.root().hex())
    return roots


def judge_log(name, log):
    """One node's log by itself: no holes, nothing twice, the root it names, each issuer's numbers in order."""
    entries = log["entries"]
    if [entry["index"] for entry in entries] != list(range(log["size"])):
        yield f"{name}: the entries are not 0 to {log['size'] - 1}, each once"
    ids = [entry["id"] for entry in entries]
    if len(set(ids)) != len(ids):
        twice = sorted({each for each in ids if ids.count(each) > 1})
        yield f"{name}: twice in the log: {', '.join(twice)}"
    if roots_of(ids)[-1] != log["root"]:
        yield f"{name}: the root of its entries is not the root that it names"
    last = {}
    for entry in entries:
        issuer, seq = entry["issuer"], entry["seq"]
        if seq != last.get(issuer, 0) + 1:
            yield f"{name}: {issuer}'s number {seq} follows its number {last.get(issuer, 0)}"
        last[issuer] = seq


def judge_fork(logs):
    """No two nodes differ at an index, and at the end all have everything."""
    names = sorted(logs)
    first = logs[names[0]]
    for name in names[1:]:
        log = logs[name]
        for ours, theirs in zip(first["entries"], log["entries"]):
            if ours["id"] != theirs["id"]:
                yield f"fork: entry {ours['index']} is {ours['id']} at {names[0]} and {theirs['id']} at {name}"
                break
        if (first["size"], first["root"]) != (log["size"], log["root"]):
            yield f"{names[0]} has {first['size']} entries with root {first['root']}, {name} {log['size']} with {log['root']}"


def judge_looks(looks, ids):
    """Whatever a node said of its log at any time is the beginning of the log as it is now."""
    roots = roots_of(ids)
    for look in looks:
        if look["size"] >= len(roots):
            yield f"lost: {look['node']} said it had {look['size']} entries, now there are {len(ids)}"
        elif look["root"] != roots[look["size"]]:
            yield f"fork: {look['node']} had another root at {look['size']} entries"


def judge_operations(operations, index_of, size):
    """No acknowledged statement lost or moved, no refused one there, nothing there that nobody submitted."""
    for operation in operations:
        told, found = operation["outcome"], index_of.get(operation["id"])
        what = f"{operation['issuer']}'s {operation['seq']} ({operation['id'][:16]}), {told} at {operation['node']}"
        if told == "final" and found is None:
            yield f"lost: {what} with index {operation['index']} is not in the log of {size}"
        elif told == "final" and found != operation["index"]:
            yield f"moved: {what} with index {operation['index']} has index {found}"
        elif told == "refused" and found is not None:
            yield f"refused and yet there: {what} has index {found}"
        elif told not in ("final", "refused", "unknown"):
            yield f"no such outcome: {what}"


def judge_order(operations, index_of):
    """What was submitted after an acknowledgement comes behind what was acknowledged, whoever submitted it where."""
    first_begin = {}
    for operation in operations:
        begin = first_begin.get(operation["id"], operation["begin"])
        first_begin[operation["id"]] = min(begin, operation["begin"])
    acknowledged = sorted((o["end"], o["index"], o["id"]) for o in operations if o["outcome"] == "final")
    submitted = sorted((begin, each) for each, begin in first_begin.items() if each in index_of)
    newest, newest_id, position = -1, None, 0
    for begin, each in submitted:
        while position < len(acknowledged) and acknowledged[position][0] < begin:
            if acknowledged[position][1] > newest:
                newest, newest_id = acknowledged[position][1:]
            position += 1
        if index_of[each] < newest:
            yield f"order: {each[:16]} has index {index_of[each]}, but {newest_id[:16]} with {newest} was acknowledged before it was submitted"


def judge(history):
    """Every fault of a history, as sentences."""
    logs = history["logs"]
    if not logs:
        return ["there are no logs"]
    faults = []
    for name in sorted(logs):
        faults += judge_log(name, logs[name])
    faults += judge_fork(logs)
    entries = logs[sorted(logs)[0]]["entries"]
    ids = [entry["id"] for entry in entries]
    index_of = {each: index for index, each in enumerate(ids)}
    known = set(history["genesis"]) | {operation["id"] for operation in history["operations"]}
    faults += [f"nobody submitted entry {index}, {each}" for index, each in enumerate(ids) if each not in known]
    faults += judge_looks(history["looks"], ids)
    faults += judge_operations(history["operations"], index_of, len(ids))
    faults += judge_order(history["operations"], index_of)
    return faults


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        history = json.load(file)
    faults = judge(history)
    for fault in faults:
        print(fault)
    count = {}
    for operation in history["operations"]:
        count[operation["outcome"]] = count.get(operation["outcome"], 0) + 1
    told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(count.items()))
    print(f"history: {told}; {len(history['looks'])} looks; {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
