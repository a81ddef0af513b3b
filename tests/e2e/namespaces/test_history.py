"""The judge itself: a good history passes, and each kind of bad one is refused for its own reason."""
import copy
import hashlib
import unittest

from history import judge, roots_of


def name_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def log_of(ids, numbers):
    entries = [{"index": i, "id": each, "issuer": numbers[each][0], "seq": numbers[each][1]} for i, each in enumerate(ids)]
    return {"size": len(ids), "root": roots_of(ids)[-1], "entries": entries}


class History(unittest.TestCase):
    def setUp(self):
        # Two issuers, two nodes; b1 has a twin that was refused, a3 was never answered and came in, b2 never did.
        self.numbers = {name_of(f"{issuer}{seq}"): (issuer, seq) for issuer in "ab" for seq in range(1, 5)}
        order = [name_of(text) for text in ("a1", "b1", "a2", "b2", "a3")]
        self.order = order
        roots = roots_of(order)
        operations = []

        def operation(text, begin, end, outcome, index=None, name=None):
            operations.append({"issuer": text[0], "seq": int(text[1]), "id": name or name_of(text), "node": "n1", "begin": begin,
                               "end": end, "outcome": outcome, "index": index})

        operation("a2", 1, 2, "final", 2)
        operation("b2", 1.5, 3, "unknown")
        operation("b2", 3, 4, "final", 3)
        operation("b2", 3.5, 4, "refused", name=name_of("twin"))
        operation("a3", 5, 6, "unknown")
        operation("b3", 5, 6, "unknown")
        self.good = {"genesis": order[:2], "operations": operations,
                     "looks": [{"node": "n1", "size": 2, "root": roots[2]}, {"node": "n2", "size": 4, "root": roots[4]}],
                     "logs": {"n1": log_of(order, self.numbers), "n2": log_of(order, self.numbers)}}

    def refused(self, change, *words):
        history = copy.deepcopy(self.good)
        change(history)
        faults = judge(history)
        for word in words:
            self.assertTrue(any(word in fault for fault in faults), f"{word} is not in {faults}")

    def relog(self, history, ids, *names):
        for name in names or ("n1", "n2"):
            history["logs"][name] = log_of(ids, self.numbers)

    def test_good(self):
        self.assertEqual(judge(self.good), [])

    def test_tree_is_that_of_rfc_9162(self):
        def root(ids):  # the recursive definition of section 2.1.1
            if len(ids) == 1:
                return hashlib.sha256(b"\0" + bytes.fromhex(ids[0])).digest()
            half = 1 << (len(ids) - 1).bit_length() - 1
            return hashlib.sha256(b"\1" + root(ids[:half]) + root(ids[half:])).digest()

        ids = [name_of(str(i)) for i in range(40)]
        roots = roots_of(ids)
        for size in range(1, 41):
            self.assertEqual(roots[size], root(ids[:size]).hex())

    def test_lost_at_the_end(self):
        self.refused(lambda h: self.relog(h, self.order[:3]), "lost: b's 2")

    def test_lost_in_the_middle(self):
        self.refused(lambda h: self.relog(h, [i for i in self.order if i != name_of("a2")]), "lost: a's 2", "a's number 3 follows its number 1")

    def test_lost_at_one_node(self):
        self.refused(lambda h: self.relog(h, self.order[:4], "n2"), "n1 has 5 entries")

    def test_twice(self):
        self.refused(lambda h: self.relog(h, self.order + self.order[-1:]), "twice in the log")

    def test_fork(self):
        swapped = self.order[:3] + [self.order[4], self.order[3]]
        self.refused(lambda h: self.relog(h, swapped, "n2"), "fork: entry 3 is")

    def test_fork_that_healed(self):
        def change(history):
            history["looks"].append({"node": "n2", "size": 3, "root": name_of("other")})
        self.refused(change, "fork: n2 had another root at 3 entries")

    def test_shrunk(self):
        def change(history):
            history["looks"].append({"node": "n2", "size": 6, "root": name_of("any")})
        self.refused(change, "lost: n2 said it had 6 entries")

    def test_moved(self):
        def change(history):
            history["operations"][0]["index"] = 4
        self.refused(change, "moved: a's 2")

    def test_refused_and_there(self):
        def change(history):
            history["operations"][3]["id"] = name_of("a3")
        self.refused(change, "refused and yet there")

    def test_nobody_submitted_it(self):
        def change(history):
            history["operations"] = [o for o in history["operations"] if o["id"] != name_of("a3")]
        self.refused(change, "nobody submitted entry 4")

    def test_numbers_out_of_order(self):
        swapped = [self.order[0], self.order[1], self.order[4], self.order[3], self.order[2]]
        self.refused(lambda h: self.relog(h, swapped), "a's number 3 follows its number 1")

    def test_order_against_acknowledgements(self):
        # a3 is submitted after b2 was acknowledged, and stands before it.
        def change(history):
            history["operations"] = [o for o in history["operations"] if o["outcome"] != "unknown" or o["seq"] != 2]
            self.relog(history, [self.order[0], self.order[1], self.order[2], self.order[4], self.order[3]])
            history["operations"][1]["index"] = 4
            history["looks"] = []
        self.refused(change, "order: ")

    def test_wrong_root(self):
        def change(history):
            history["logs"]["n1"]["root"] = name_of("other")
        self.refused(change, "n1: the root of its entries is not the root that it names")

    def test_hole(self):
        def change(history):
            del history["logs"]["n2"]["entries"][2]
        self.refused(change, "n2: the entries are not 0 to 4")

    def test_no_logs(self):
        def change(history):
            history["logs"] = {}
        self.refused(change, "there are no logs")


if __name__ == "__main__":
    unittest.main()
