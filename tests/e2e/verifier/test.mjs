// Two verifiers, one verdict: `node test.mjs`, TAP on standard output. TALLY_PROGRAM names the program, TALLY_SHARED the folder
// with vectors/ (absent: their tests are skipped), VERIFIER_SEED the seed of the random damages, VERIFIER_FLIPS how many a file.
import { readFileSync, readdirSync } from 'node:fs';
import { createPublicKey, verify as nodeVerify } from 'node:crypto';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { concat, consistencyRoot, hex, inclusionRoot, leafHash, read, readNote, readSign1, Refused, same, sha256, sign1Input, text, thumbprint, treePath, treeRoot, write,
	writeNote, writeSign1 } from './forms.mjs';
import { foreignReceiptHolds, readEpochs, readGenesis, verifyBundle, verifyConsistency, verifyNote, verifyReceipt, verifyTransparent } from './verifier.mjs';
import { bundle, consortium, epochsFile, example, expect, finish, judge, keyOf, leavesOf, line, note, organisation, receipt, report, statement, test, transparent, trusted,
	withEpoch } from './world.mjs';

const seed = Number(process.env.VERIFIER_SEED ?? 1), flips = Number(process.env.VERIFIER_FLIPS ?? 150);

// -- the two verdicts ------------------------------------------------------------------------------------

const KINDS = { bundle: verifyBundle, note: verifyNote, receipt: verifyReceipt, transparent: verifyTransparent, consistency: verifyConsistency, epochs: readEpochs };

function ours(kind, under, files) {
	try {
		const { genesis, epochs, policy } = trusted(under), founded = readGenesis(genesis), chain = { ...(epochs ? readEpochs(epochs, founded) : founded), policy };
		KINDS[kind](...files, kind === 'epochs' ? founded : chain);
		return 'good';
	} catch (error) {
		if (!(error instanceof Refused))
			throw error;
		return error.message;
	}
}

// wanted: true, false, or undefined when only the agreement counts.
function agree(name, wanted, kind, genesis, ...files) {
	const here = ours(kind, genesis, files), there = judge(genesis, ...files);
	expect((here === 'good') === there.good, `${name}: here "${here}", tally verify ${there.good ? 'agrees to' : 'refuses'} it:\n${there.out}${there.error}`);
	expect(wanted === undefined || there.good === wanted, `${name}: both ${there.good ? 'accept' : 'refuse'} it: ${here}\n${there.out}`);
	return there.good;
}

function random(state) {
	return (below) => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) % below;
	};
}

// Flip, cut, insert, at random places.
function damaged(bytes, draw) {
	const at = draw(bytes.length), kind = draw(20);
	if (kind === 0)
		return bytes.subarray(0, at);
	if (kind === 1)
		return concat(bytes.subarray(0, at), [draw(256)], bytes.subarray(at));
	if (kind === 2)
		return concat(bytes.subarray(0, at), bytes.subarray(at + 1));
	const out = Uint8Array.from(bytes);
	out[at] ^= 1 + draw(255);
	return out;
}

function agreeOnDamage(name, kind, genesis, ...files) {
	const draw = random(seed);
	let accepted = 0;
	for (let i = 0; i < flips; i++) {
		const which = draw(files.length), changed = files.map((bytes, j) => (j === which ? damaged(bytes, draw) : bytes));
		accepted += agree(`${name}, damage ${i} of seed ${seed}`, undefined, kind, genesis, ...changed);
	}
	expect(accepted === 0, `${name}: ${accepted} of ${flips} damaged files are accepted by both`);
}

// -- vectors ------------------------------------------------------------------------------------------------

const shared = process.env.TALLY_SHARED;
const vectors = (path) => readFileSync(`${shared}/vectors/${path}`);
const unhex = (string) => Uint8Array.from(Buffer.from(string, 'hex'));

await test('ML-DSA-44 verifies as the public vectors say', () => {
	if (!shared)
		return 'TALLY_SHARED is not set';
	let checked = 0;
	for (const group of JSON.parse(vectors('wycheproof/mldsa_44_verify_test.json')).testGroups)
		for (const { msg, sig, ctx, result, tcId } of group.tests) {
			let holds = false;
			try {
				holds = ml_dsa44.verify(unhex(sig), unhex(msg), unhex(group.publicKey), { context: unhex(ctx ?? '') });
			} catch {
				holds = false;
			}
			expect(holds === (result === 'valid'), `case ${tcId}`);
			checked++;
		}
	expect(checked === 180, `${checked} cases`);
});

await test('trees prove as the public vectors say', () => {
	if (!shared)
		return 'TALLY_SHARED is not set';
	let checked = 0;
	const bytes = (string) => Uint8Array.from(Buffer.from(string ?? '', 'base64'));
	for (const kind of ['inclusion', 'consistency'])
		for (const name of readdirSync(`${shared}/vectors/merkle/${kind}`, { recursive: true }).filter((name) => name.endsWith('.json'))) {
			const test = JSON.parse(vectors(`merkle/${kind}/${name}`)), path = (test.proof ?? []).map(bytes);
			let holds = false;
			try {
				holds = kind === 'inclusion' ? same(inclusionRoot(bytes(test.leafHash), test.leafIdx, test.treeSize, path), bytes(test.root))
					: same(consistencyRoot(test.size1, test.size2, bytes(test.root1), path), bytes(test.root2));
			} catch (error) {
				if (!(error instanceof Refused) && !(error instanceof RangeError))
					throw error;
			}
			expect(holds === !test.wantErr, `${kind}/${name}: ${test.desc}`);
			checked++;
		}
	expect(checked === 196, `${checked} cases`);
});

await test('receipts of another service hold as the public vectors say', () => {
	if (!shared)
		return 'TALLY_SHARED is not set';
	for (const name of ['valid-es256', 'fail-tampered-path', 'fail-unsupported-vds']) {
		const file = (part) => Uint8Array.from(vectors(`scitt/${name}/${part}`)), key = createPublicKey(Buffer.from(file('log-key.pub')));
		const holds = (message, signature) => nodeVerify(key.asymmetricKeyType === 'ec' ? 'sha256' : null, message, { key, dsaEncoding: 'ieee-p1363' }, signature);
		let valid = true;
		try {
			foreignReceiptHolds(file('receipt.cose'), file('statement.cose'), holds);
		} catch (error) {
			expect(error instanceof Refused, error.stack);
			valid = false;
		}
		expect(valid === JSON.parse(vectors(`scitt/${name}/expected.json`)).receipt_valid, name);
	}
});

await test('the fixed note and receipt come out', () => {
	const { secretKey, publicKey } = ml_dsa44.keygen(Uint8Array.from({ length: 32 }, (_, i) => i));
	const key = { public: publicKey, sign: (message) => ml_dsa44.sign(message, secretKey, { extraEntropy: false }) };
	const leaves = [0, 1, 2].map((i) => leafHash(text(`leaf-${i}`))), root = treeRoot(leaves), origin = 'example.org/twinledger';
	const made = writeNote({ origin, size: 3, root, lines: [line(origin, key, origin, 3, root, { time: 1767225600 })] });
	expect(hex(sha256(made)) === '8229375bc31b377d9f1c68fd1ebd911c44b42732f8104bf847d9e5b3b1acd533', 'note');
	const issued = receipt({ origin: 'urn:epc:id:adi:W81X9C.3KL984PX1.2WMA52', members: [] }, root, [[3, 2, treePath(2, leaves)]],
		{ key, iss: 'https://ledger.example.org' });
	expect(hex(sha256(issued)) === '6abd83e2a58e4af2f6c93197d56379861c83209965d8ef408960a8eaa0c05d5e', 'receipt');
});

// -- a consortium made here --------------------------------------------------------------------------------

const us = consortium('here'), others = consortium('elsewhere');
const event = (i, more = {}) => statement({ type: 9, seq: 2 + i, prev: sha256(text(`${i}`)), network: us.network, iss: us.members[i].name, sub: 'thing', key: us.members[i].record,
	body: new Map([[1, 'order'], [2, 'TransactionEvent'], [3, 'accepting'], [4, 1767225600000], [5, 'here']]), ...more });
const gatewayKey = keyOf('gateway'), otherKey = keyOf('other gateway');
const registration = (seq, key, more = {}) => statement({ type: 4, seq, prev: sha256(text('x')), network: us.network, iss: us.members[0].name, sub: 'gw:member-0/hall',
	key: us.members[0].record, body: new Map([[1, 1], [2, 'box'], [4, sha256(text('firmware'))], [5, 0], [7, key.public]]), ...more });
const critical = (more = {}) => statement({ type: 28, network: us.network, iss: 'gw:member-0/hall', sub: 'dev:member-0/oven', key: gatewayKey,
	body: new Map([[1, 'fire'], [2, 1], [3, 2], [4, 3], [5, 'flap closed']]), ...more });
const orgs = us.members.map(({ bytes }) => bytes);

await test('receipts made here are judged alike', () => {
	const log = [...orgs, event(0), event(1), event(2)], leaves = leavesOf(log), root = treeRoot(leaves);
	const proof = (i) => [log.length, i, treePath(i, leaves)];
	const cases = [
		['good', true, receipt(us, root, [proof(5)])], ['of another member', true, receipt(us, root, [proof(5)], { member: 3 })],
		['of the same member and key id, another key', false, receipt(us, root, [proof(5)], { key: us.members[1].checkpoint, kid: thumbprint(us.members[0].checkpoint.public) })],
		['by the right key under another\'s id', false, receipt(us, root, [proof(5)], { kid: thumbprint(us.members[1].checkpoint.public) })],
		['by the record key', false, receipt(us, root, [proof(5)], { key: us.members[0].record })],
		['by another member\'s key', false, receipt(us, root, [proof(5)], { key: us.members[1].checkpoint })],
		['of a stranger', false, receipt(us, root, [proof(5)], { iss: 'org:stranger' })],
		['of another log', false, receipt(us, root, [proof(5)], { sub: others.origin })],
		['of another entry', false, receipt(us, root, [proof(4)])], ['of another index', false, receipt(us, root, [[log.length, 4, treePath(5, leaves)]])],
		['of another root', false, receipt(us, treeRoot(leaves.slice(0, 6)), [proof(5)])], ['of size 0', false, receipt(us, root, [[0, 0, []]])],
		['an index beyond', false, receipt(us, root, [[5, 5, []]])], ['two proofs', true, receipt(us, root, [proof(5), proof(5)])],
		['two proofs of two roots', false, receipt(us, root, [proof(5), [6, 5, treePath(5, leaves.slice(0, 6))]])],
		['no proofs', false, receipt(us, root, [])], ['five proofs', false, receipt(us, root, [5, 5, 5, 5, 5].map(proof))],
		['another kind', false, receipt(us, root, [proof(5)], { kind: -2 })], ['an unknown kind', false, receipt(us, root, [proof(5)], { kind: -3 })],
		['vds 2', false, receipt(us, root, [proof(5)], { vds: 2 })], ['alg -49', false, receipt(us, root, [proof(5)], { alg: -49 })],
		['one more label', false, receipt(us, root, [proof(5)], { more: [['x', 1]] })], ['the root attached', false, receipt(us, root, [proof(5)], { payload: root })],
		['one node more', false, receipt(us, root, [[log.length, 5, [...treePath(5, leaves), root]]])],
		['one node less', false, receipt(us, root, [[log.length, 5, treePath(5, leaves).slice(1)]])],
		['a node of 31 bytes', false, receipt(us, root, [[log.length, 5, treePath(5, leaves).map((node) => node.subarray(0, 31))]])],
	];
	for (const [name, wanted, bytes] of cases)
		agree(`receipt ${name}`, wanted, 'receipt', us.genesis, bytes, log[5]);
	agree('receipt and a genesis of others', false, 'receipt', others.genesis, cases[0][2], log[5]);
	agree('receipt and another statement', false, 'receipt', us.genesis, cases[0][2], log[4]);
	// A statement that its issuer did not sign, and that is on the log nevertheless.
	const forged = event(1, { key: us.members[2].record, kid: thumbprint(us.members[1].record.public) }), foreign = event(1, { network: others.network });
	for (const [name, bytes] of [['not signed by its issuer', forged], ['of another network', foreign]]) {
		const leaves2 = leavesOf([bytes]);
		agree(`receipt of a statement ${name}`, false, 'receipt', us.genesis, receipt(us, treeRoot(leaves2), [[1, 0, []]]), bytes);
	}
});

await test('statements with receipts inside are judged alike', () => {
	const log = [...orgs, event(0), event(1), event(2)], leaves = leavesOf(log), root = treeRoot(leaves), other = treeRoot(leaves.slice(0, 6));
	const by = (member, more = {}, size = log.length) => receipt(us, treeRoot(leaves.slice(0, size)), [[size, 5, treePath(5, leaves.slice(0, size))]], { member, ...more });
	const forged = by(2, { key: us.members[1].checkpoint, kid: thumbprint(us.members[2].checkpoint.public) }), all = [0, 1, 2, 3].map((i) => by(i));
	const under = (policy) => ({ genesis: us.genesis, policy });
	// The right place in another log of the same size, and the same statement at another place.
	const second = [...log], moved = [log[0], ...log];
	second[1] = event(3);
	const split = receipt(us, treeRoot(leavesOf(second)), [[7, 5, treePath(5, leavesOf(second))]], { member: 3 });
	const elsewhere = receipt(us, treeRoot(leavesOf(moved)), [[8, 6, treePath(6, leavesOf(moved))]], { member: 3 });
	const file = (receipts, odd) => transparent(log[5], receipts, odd), plain = us.genesis;
	for (const [name, wanted, bytes, trust = plain] of [
		['of all', true, file(all)], ['of one', true, file([by(2)])], ['of two sizes', true, file([by(1), by(2, {}, 6)])], ['in another order', true, file([by(3), by(0)])],
		['of one twice', false, file([by(1), by(1, {}, 6)])], ['with a bad one', false, file([by(0), forged, by(1)])], ['with nothing but a bad one', false, file([forged])],
		['with one of another entry', false, file([by(0), receipt(us, root, [[7, 4, treePath(4, leaves)]], { member: 1 })])],
		['with one of a stranger', false, file([by(0), by(1, { iss: 'org:stranger' })])], ['with one of another log', false, file([by(0), by(1, { sub: others.origin })])],
		['with one of another root', false, file([by(0), receipt(us, other, [[7, 5, treePath(5, leaves)]], { member: 1 })])],
		['with one of consistency', false, file([by(0), by(1, { kind: -2 })])], ['with one that is none', false, file([by(0), text('receipt')])],
		['with the statement as one', false, file([by(0), log[5]])], ['with two roots of one size', false, file([by(0), split])], ['with two positions', false, file([by(0), elsewhere])],
		['with no receipts', false, file([])], ['with an empty one', false, file([by(0), new Uint8Array(0)])], ['with a number', false, file([by(0), 1])],
		['with one receipt instead of a list', false, file([], { list: by(0) })], ['under another label', false, file([by(0)], { label: 393 })],
		['with another header', false, file([by(0)], { more: [[395, 1]] })], ['without a payload', false, file([by(0)], { payload: null })],
		['of 65', false, file(Array.from({ length: 65 }, () => by(0)))], ['of a long one', false, file([by(0), new Uint8Array(32 * 1024 + 1)])],
		['of more than 1 MiB', false, file(Array.from({ length: 40 }, () => new Uint8Array(32 * 1024)))],
		['of another statement', false, transparent(log[4], all)], ['of a statement with its signature changed', false, transparent(event(1, { key: us.members[2].record }), all)],
		['under a genesis of others', false, file(all), others.genesis], ['with more behind it', false, concat(file(all), [0])],
		['two of four, f+1 asked', true, file([by(0), by(3)]), under({})], ['one of four, f+1 asked', false, file([by(0)]), under({})],
		['a bad one among three', true, file([by(0), forged, by(3)]), under({})], ['a bad one first', true, file([forged, by(0), by(3)]), under({})],
		['a bad one among three, three asked', false, file([by(0), forged, by(3)]), under({ organisations: 3 })],
		['four asked', true, file(all), under({ organisations: 4 })], ['one asked', false, file(all), under({ organisations: 1 })], ['five asked', false, file(all), under({ organisations: 5 })],
		['one named', true, file([by(0), by(3)]), under({ required: [us.members[3].name] })], ['one named who gave a bad one', false, file([by(0), forged, by(3)]), under({ required: [us.members[2].name] })],
		['one named who gave none', false, file([by(0), by(3)]), under({ required: [us.members[1].name] })], ['a stranger named', false, file(all), under({ required: ['org:stranger'] })],
		['twice is once', false, file([by(1), by(1, {}, 6)]), under({})], ['a second after a bad first', true, file([forged, by(2), by(1)]), under({})],
		['two roots under a policy', false, file([by(0), by(1), by(2), split]), under({ organisations: 3 })], ['two positions under a policy', false, file([by(0), by(1), elsewhere]), under({})],
		['an age asked', false, file(all), under({ max_age_s: 1000000000 })], ['nothing but bad ones', false, file([forged, text('x')]), under({})],
	])
		agree(`transparent ${name}`, wanted, 'transparent', trust, bytes);
	// A statement that its issuer did not sign, and one whose issuer's key is not in the genesis.
	const unsigned = event(1, { key: us.members[2].record, kid: thumbprint(us.members[1].record.public) }), alarm = critical();
	for (const [name, wanted, bytes] of [['not signed by its issuer', false, unsigned], ['of a gateway', true, alarm], ['of another network', false, event(1, { network: others.network })]])
		agree(`transparent ${name}`, wanted, 'transparent', us.genesis, transparent(bytes, [receipt(us, treeRoot(leavesOf([bytes])), [[1, 0, []]])]));
	agreeOnDamage('transparent', 'transparent', us.genesis, file(all));
});

await test('checkpoints made here are judged alike', () => {
	const log = [...orgs, event(0)], root = treeRoot(leavesOf(log)), witness = keyOf('witness');
	const by = (i, more) => line(us.members[i].name, us.members[i].checkpoint, us.origin, log.length, root, more);
	const seen = line('witness.example/one', witness, us.origin, log.length, root);
	const cases = [
		['by all', true, note(us, log, [0, 1, 2, 3])], ['by two', true, note(us, log, [3, 1])], ['by one', false, note(us, log, [2])], ['by nobody', false, note(us, log, [])],
		['by one and a witness', false, note(us, log, [2], { more: [seen, seen] })], ['by two and a witness', true, note(us, log, [2, 0], { more: [seen] })],
		['by one twice', false, note(us, log, [2, 2])], ['by two, one of them twice', false, note(us, log, [2, 1, 2])],
		['with another member\'s signature', false, note(us, log, [0, 1], { more: [by(2, { signer: us.members[3].checkpoint })] })],
		['with another key\'s id', false, note(us, log, [0, 1], { more: [line(us.members[2].name, us.members[2].node, us.origin, log.length, root)] })],
		['with a line of a stranger', false, note(us, log, [0, 1], { more: [line('org:stranger', witness, us.origin, log.length, root)] })],
		['with time 0', false, note(us, log, [0, 1], { more: [by(2, { time: 0 })] })],
		['of another log', false, note({ ...us, origin: others.origin }, log, [0, 1, 2])],
		['with an extension', false, Uint8Array.from(Buffer.from(Buffer.from(note(us, log, [0, 1])).toString('latin1').replace('\n\n', '\nmore\n\n'), 'latin1'))],
		['with a remark', false, concat(note(us, log, [0, 1]), text('remark\n'))], ['without its last byte', false, note(us, log, [0, 1]).subarray(0, -1)],
		['with a size of two digits', false, concat(text(`${us.origin}\n05\n`), note(us, log, [0, 1]).subarray(us.origin.length + 3))],
	];
	for (const [name, wanted, bytes] of cases)
		agree(`checkpoint ${name}`, wanted, 'note', us.genesis, bytes);
	const grown = [...log, event(1), event(2)], path = (m, n) => {
		const leaves = leavesOf(grown).slice(0, n), proof = (k, list, known) => (k === list.length ? (known ? [] : [treeRoot(list)])
			: k <= half(list) ? [...proof(k, list.slice(0, half(list)), known), treeRoot(list.slice(half(list)))]
				: [...proof(k - half(list), list.slice(half(list)), false), treeRoot(list.slice(0, half(list)))]);
		return proof(m, leaves, true);
	}, half = (list) => 2 ** Math.floor(Math.log2(list.length - 1));
	const newer = treeRoot(leavesOf(grown));
	const since = (m, n = grown.length, root2 = newer, more = {}) => receipt(us, root2, [[m, n, path(m, n)]], { kind: -2, ...more });
	for (const [name, wanted, bytes, old] of [
		['good', true, since(5), note(us, log, [0, 1])], ['to itself', true, since(5, 5, treeRoot(leavesOf(log))), note(us, log, [0, 1])],
		['under a note by one', false, since(5), note(us, log, [0])], ['from another size', false, since(6), note(us, log, [0, 1])],
		['to another root', false, since(5, 7, root), note(us, log, [0, 1])], ['from another root', false, since(5), note(us, [...orgs, event(3)], [0, 1])],
		['by the node key', false, since(5, 7, newer, { key: us.members[0].node }), note(us, log, [0, 1])],
	])
		agree(`consistency ${name}`, wanted, 'consistency', us.genesis, bytes, old);
});

await test('bundles made here are judged alike', () => {
	const judgeBundle = (name, wanted, log, positions, { kind = 'critical', signers = [1, 3], options = {}, genesis = us.genesis } = {}) =>
		agree(`bundle ${name}`, wanted, 'bundle', genesis, bundle(kind, log, positions, note(us, log, signers, options)));
	const log = [...orgs, registration(2, gatewayKey), critical()];
	judgeBundle('good', true, log, [5, 4, 0]);
	judgeBundle('without the organisation\'s own statement', true, log, [5, 4]);
	judgeBundle('with a witness', true, log, [5, 4], { options: { more: [line('witness.example/one', keyOf('w'), us.origin, 6, treeRoot(leavesOf(log)))] } });
	judgeBundle('under f lines', false, log, [5, 4], { signers: [1] });
	judgeBundle('of another kind', false, log, [5, 4], { kind: 'device' });
	judgeBundle('of kind reading', false, log, [5, 4], { kind: 'reading' });
	judgeBundle('without the registration', false, log, [5, 0]);
	judgeBundle('with an entry twice', false, log, [5, 4, 4]);
	judgeBundle('under a genesis of others', false, log, [5, 4], { genesis: others.genesis });
	judgeBundle('registered too late', false, [...orgs, critical(), registration(2, gatewayKey)], [4, 5]);
	judgeBundle('registered with another key', false, [...orgs, registration(2, otherKey), critical()], [5, 4]);
	judgeBundle('registered anew in between', false, [...orgs, registration(2, gatewayKey), registration(3, otherKey), critical()], [6, 4, 5]);
	judgeBundle('registered anew, and signed so', true, [...orgs, registration(2, otherKey), registration(3, gatewayKey), critical()], [6, 4, 5]);
	judgeBundle('registered anew afterwards', true, [...orgs, registration(2, gatewayKey), critical(), registration(3, otherKey)], [5, 4, 6]);
	judgeBundle('registered by a gateway', false, [...orgs, registration(2, gatewayKey, { iss: 'gw:member-0/other', key: otherKey }), critical()], [5, 4]);
	judgeBundle('with a network of others', false, [...orgs, registration(2, gatewayKey), critical({ network: others.network })], [5, 4]);
	// Evidence: a command cites what it follows from.
	const command = (parents) => statement({ type: 26, seq: 2, prev: sha256(text('y')), network: us.network, iss: 'gw:member-0/hall', sub: 'dev:member-0/oven', key: gatewayKey, parents,
		body: new Map([[1, 'stop'], [2, [0, 0]], [3, 5]]) });
	const result = (of, parents) => statement({ type: 27, seq: 3, prev: sha256(text('z')), network: us.network, iss: 'gw:member-0/hall', sub: 'dev:member-0/oven', key: gatewayKey, parents,
		body: new Map([[1, of], [2, true], [4, 6]]) });
	const cause = critical(), order = command([sha256(cause)]), done = result(sha256(order), [sha256(order)]), stray = result(sha256(order), [sha256(cause)]);
	const cited = [...orgs, registration(2, gatewayKey), cause, order, done, stray];
	judgeBundle('of a command with its cause', true, cited, [6, 5, 4], { kind: 'command' });
	judgeBundle('of a command without its cause', false, cited, [6, 4], { kind: 'command' });
	judgeBundle('of a command before its cause', false, [...orgs, registration(2, gatewayKey), order, cause], [5, 6, 4], { kind: 'command' });
	judgeBundle('of a result with its command', true, cited, [7, 6, 5, 4], { kind: 'result' });
	judgeBundle('of a result that answers no parent', false, cited, [8, 6, 5, 4], { kind: 'result' });
	// Proof parts, one by one.
	const whole = bundle('critical', log, [5, 4], note(us, log, [0, 1, 2]));
	const changed = (change) => {
		const parts = read(whole);
		change(parts);
		return write(parts);
	};
	for (const [name, change] of [
		['an index', (parts) => (parts[2][0][1] = 3)], ['an index beyond', (parts) => (parts[2][0][1] = 6)], ['a node', (parts) => (parts[2][1][2][0][3] ^= 1)],
		['a node less', (parts) => parts[2][1][2].pop()], ['a node more', (parts) => parts[2][1][2].push(new Uint8Array(32))],
		['two entries\' paths', (parts) => ([parts[2][0][2], parts[2][1][2]] = [parts[2][1][2], parts[2][0][2]])],
		['the form\'s name', (parts) => (parts[0] = 'tally/bundle/v2')], ['one part more', (parts) => parts.push(1)], ['one part less', (parts) => parts.pop()],
		['no entries', (parts) => (parts[2] = [])], ['the note\'s size', (parts) => (parts[3] = parts[3].replace('\n6\n', '\n7\n'))],
		['the note\'s root', (parts) => (parts[3] = parts[3].replace(Buffer.from(treeRoot(leavesOf(log))).toString('base64'), Buffer.alloc(32).toString('base64')))],
	])
		agree(`bundle with a change of ${name}`, false, 'bundle', us.genesis, changed(change));
});

await test('genesis documents made here are judged alike', () => {
	const log = [...orgs, event(0)];
	const bytes = note(us, log, [0, 1]);
	agree('the right genesis', true, 'note', us.genesis, bytes);
	const draw = random(seed + 1);
	for (let i = 0; i < 40; i++)
		agree(`genesis, damage ${i}`, false, 'note', damaged(us.genesis, draw), bytes);
	// One key in two places, well signed: no genesis.
	const twice = consortium('twice', 1);
	const body = new Map([[1, 'One'], [2, 'supplier'], [3, twice.members[0].record.public], [4, twice.members[0].record.public], [5, twice.members[0].checkpoint.public],
		[6, sha256(text('t'))]]);
	const org = statement({ type: 1, network: new Uint8Array(16), iss: 'org:member-0', sub: 'org:member-0', body, key: twice.members[0].record });
	const genesis = write(['tally/genesis/v1', 'twice', 1, [org]]), origin = `tally/${hex(sha256(genesis).subarray(0, 16))}`;
	agree('a genesis with one key twice', false, 'note', genesis, note({ ...twice, origin }, [org], [0]));
	const alone = consortium('alone', 1);
	agree('a genesis of one', true, 'note', alone.genesis, note(alone, [alone.members[0].bytes], [0]));
	// Settings: only what is not as usual is said.
	for (const [what, wanted, settings] of [['a light epoch', true, [[1, 65536]]], ['a heavy one', true, [[1, 2 ** 50]]], ['too light a one', false, [[1, 65535]]],
		['too heavy a one', false, [[1, 2 ** 50 + 1]]], ['the usual one', false, [[1, 2 ** 30]]], ['none', false, []], ['an unknown one', false, [[7, 1]]],
		['an unknown one more', false, [[1, 65536], [7, 1]]], ['a text', false, [[1, '65536']]], ['a negative one', false, [[1, -65536]]]]) {
		const set = consortium('set', 2, new Map(settings));
		agree(`a genesis with settings: ${what}`, wanted, 'note', set.genesis, note(set, set.members.map(({ bytes }) => bytes), [0, 1]));
	}
});

await test('three that bear a crash: two must have signed, whoever judges', () => {
	const crash = new Map([[2, 'crash']]);
	for (const count of [1, 2, 4]) {
		const few = consortium('few', count, crash);
		agree(`crash with ${count} members`, false, 'note', few.genesis, note(few, few.members.map(({ bytes }) => bytes), few.members.map((_, i) => i)));
	}
	for (const [what, settings] of [['another word', [[2, 'strict']]], ['a number', [[2, 1]]], ['true', [[2, true]]]]) {
		const odd = consortium('odd', 3, new Map(settings));
		agree(`what members bear: ${what}`, false, 'note', odd.genesis, note(odd, odd.members.map(({ bytes }) => bytes), [0, 1, 2]));
	}
	for (const settings of [crash, new Map([[1, 65536], [2, 'crash']]), undefined]) {
		const three = consortium('three', 3, settings), log = three.members.map(({ bytes }) => bytes), least = settings ? 2 : 1;
		for (const signers of [[], [0], [2], [0, 1], [1, 2], [0, 1, 2]])
			agree(`three, ${settings ? 'crash' : 'strict'}, signed by ${signers.length}`, signers.length >= least, 'note', three.genesis, note(three, log, signers));
		// The members of epoch 1 are four, of epoch 2 the three again.
		const fourth = organisation('org:fourth', 'fourth');
		for (const by of [[0], [1, 2], [0, 1, 2]]) {
			const grown = withEpoch(three, [...three.members, fourth], 10, { signers: by });
			agree(`three become four, signed by ${by.length}`, by.length >= (settings ? 2 : 3), 'epochs', three.genesis, epochsFile(grown));
		}
		const grown = withEpoch(three, [...three.members, fourth], 10, { signers: [0, 1, 2] });
		for (const by of [[0, 1], [0, 1, 2]])
			agree(`four become three, signed by ${by.length}`, by.length >= 3, 'epochs', three.genesis, epochsFile(withEpoch(grown, three.members, 20, { signers: by })));
		const shrunk = withEpoch(grown, three.members, 20, { signers: [0, 1, 2] });
		for (const by of [[0], [0, 2], [0, 1, 2]])
			agree(`three again, signed by ${by.length}`, by.length >= (settings ? 2 : 3), 'epochs', three.genesis, epochsFile(withEpoch(shrunk, null, 30, { signers: by })));
	}
});

// -- members that changed ------------------------------------------------------------------------------------

// Epoch 1: one has new keys, one more has joined. Epoch 2: another has left. The last renews the third.
const rotated = organisation('org:member-1', 'here anew'), newcomer = organisation('org:newcomer', 'newcomer');
const sets = [us.members, [us.members[0], rotated, us.members[2], us.members[3], newcomer], [us.members[0], rotated, us.members[3], newcomer]];
const FIRST = 8, SECOND = 12;
const one = withEpoch(us, sets[1], FIRST, { signers: [0, 1, 2] }), two = withEpoch(one, sets[2], SECOND, { signers: [0, 1, 3, 4] }), three = withEpoch(two, null, SECOND);

await test('chains of epochs made here are judged alike', () => {
	for (const [name, wanted, chain] of [
		['of none', true, us], ['of one', true, one], ['of two', true, two], ['of three', true, three], ['by all', true, withEpoch(us, sets[1], FIRST)],
		['by two of four', false, withEpoch(us, sets[1], FIRST, { signers: [0, 3] })], ['by three of five', false, withEpoch(one, sets[2], SECOND, { signers: [0, 2, 3] })],
		['by one twice', false, withEpoch(us, sets[1], FIRST, { signers: [0, 1, 1] })], ['by nobody', false, withEpoch(us, sets[1], FIRST, { signers: [] })],
		['by those that are to be', false, withEpoch(us, sets[1], FIRST, { by: sets[1], signers: [0, 2, 3, 4] })],
		['with new keys before their time', false, withEpoch(us, sets[1], FIRST, { by: sets[1], signers: [0, 1, 2] })],
		['by those that were', false, withEpoch(one, sets[2], SECOND, { by: us.members, signers: [0, 1, 2, 3] })],
		['with a witness', false, withEpoch(us, sets[1], FIRST, { more: [line('witness.example/one', keyOf('w'), `${us.origin}/epoch`, 1, sha256(text('x')))] })],
		['signed for another record', false, withEpoch(us, sets[1], FIRST, { signed: sha256(text('another')) })],
		['signed for another number', false, withEpoch(us, sets[1], FIRST, { noteNumber: 2 })], ['signed as a checkpoint', false, withEpoch(us, sets[1], FIRST, { origin: us.origin })],
		['of another network', false, withEpoch(us, sets[1], FIRST, { network: others.network })], ['of another form', false, withEpoch(us, sets[1], FIRST, { form: 'tally/epoch/v2' })],
		['of number 2', false, withEpoch(us, sets[1], FIRST, { number: 2 })], ['of number 0', false, withEpoch(us, sets[1], FIRST, { number: 0 })],
		['after another', false, withEpoch(one, sets[2], SECOND, { previous: us.epochs[0].digest })], ['with fewer entries', false, withEpoch(one, sets[2], FIRST - 1)],
		['with as many entries', true, withEpoch(one, sets[2], FIRST)], ['with as many commits', false, withEpoch(one, sets[2], SECOND, { commits: 10 })],
		['before 1970', false, withEpoch(us, sets[1], FIRST, { time: -1 })], ['with a field more', false, withEpoch(us, sets[1], FIRST, { rest: [1] })],
		['with a member twice', false, withEpoch(us, [...sets[1], us.members[0]], FIRST)],
		['with two of one name', false, withEpoch(us, [...us.members, organisation('org:member-2', 'second')], FIRST)],
		['with two of one title', false, withEpoch(us, [...us.members, organisation('org:other', 'third', { title: 'member-2' })], FIRST)],
		['with one key of two members', false, withEpoch(us, [...us.members, organisation('org:other', 'other', { keys: { record: keyOf('a'), node: keyOf('b'), checkpoint: us.members[0].node } })], FIRST)],
		['with a gateway as a member', false, withEpoch(us, [...us.members, organisation('gw:other', 'other')], FIRST)],
		['with a member that signed nothing', false, withEpoch(us, [...us.members, { ...newcomer, bytes: registration(2, gatewayKey) }], FIRST)],
	])
		agree(`chain ${name}`, wanted, 'epochs', us.genesis, epochsFile(chain));
	const file = epochsFile(two);
	agree('a chain under a genesis of others', false, 'epochs', others.genesis, file);
	agree('a chain without its first link', false, 'epochs', us.genesis, epochsFile({ links: two.links.slice(1) }));
	agree('a chain with a link twice', false, 'epochs', us.genesis, epochsFile({ links: [two.links[0], two.links[0]] }));
	agree('a chain whose links have swapped notes', false, 'epochs', us.genesis, epochsFile({ links: [[two.links[0][0], two.links[1][1]], [two.links[1][0], two.links[0][1]]] }));
	agree('a chain with more behind it', false, 'epochs', us.genesis, concat(file, [0]));
	agree('a link of three', false, 'epochs', us.genesis, epochsFile({ links: [[...two.links[0], 1]] }));
});

await test('damaged chains of epochs are refused by both', () => agreeOnDamage('epochs', 'epochs', us.genesis, epochsFile(two)));

await test('what is signed while members change is judged alike', () => {
	const chain = { genesis: us.genesis, epochs: epochsFile(three) }, event = (member, i, more = {}) => statement({ type: 9, seq: 2 + i, prev: sha256(text(`${i}`)),
		network: us.network, iss: member.name, sub: 'thing', key: member.record, body: new Map([[1, 'order'], [2, 'TransactionEvent'], [3, 'accepting'], [4, 1], [5, 'here']]), ...more });
	const propose = (by, about, organisation) => statement({ type: 31, seq: 9, prev: sha256(text('p')), network: us.network, iss: by.name, sub: about, key: by.record,
		body: new Map([[1, 1], [2, organisation.bytes]]) });
	const vote = (by, proposal, parents) => statement({ type: 32, seq: 10, prev: sha256(text('v')), network: us.network, iss: by.name, sub: 'org:newcomer', key: by.record, parents,
		body: new Map([[1, sha256(proposal)], [2, true]]) });
	const hallKey = keyOf('hall'), hall = (by) => statement({ type: 4, seq: 5, prev: sha256(text('h')), network: us.network, iss: by.name, sub: 'gw:newcomer/hall', key: by.record,
		body: new Map([[1, 1], [2, 'box'], [4, sha256(text('firmware'))], [5, 0], [7, hallKey.public]]) });
	const alarm = statement({ type: 28, network: us.network, iss: 'gw:newcomer/hall', sub: 'dev:newcomer/oven', key: hallKey, body: new Map([[1, 'fire'], [2, 1], [3, 2], [4, 3], [5, 'flap']]) });
	const proposal = propose(us.members[0], 'org:newcomer', newcomer), astray = propose(us.members[0], 'org:somebody', newcomer);
	const log = [...orgs, proposal, vote(us.members[2], proposal, [sha256(proposal)]), event(us.members[1], 0), astray, // 4 to 7; epoch 1:
		hall(newcomer), event(rotated, 1), alarm, event(us.members[2], 2), // 8 to 11; epoch 2 and 3:
		event(newcomer, 3), event(us.members[1], 4), event(us.members[2], 5), hall(us.members[2])]; // 12 to 15
	const leaves = leavesOf(log), at = (size) => log.slice(0, size), by = (set, size, signers, options) => note({ ...us, members: set }, at(size), signers, options);
	for (const [name, wanted, bytes] of [
		['the last of the genesis', true, by(sets[0], FIRST, [0, 1])], ['the last of the genesis with a new key', false, by(sets[1], FIRST, [0, 1])],
		['the last of the genesis by a newcomer', false, by(sets[1], FIRST, [0, 4])], ['the first of epoch 1', true, by(sets[1], FIRST + 1, [1, 4])],
		['the first of epoch 1 with an old key', false, by(sets[0], FIRST + 1, [0, 1])], ['the first of epoch 1 by one', false, by(sets[1], FIRST + 1, [4])],
		['the last of epoch 1 by one that leaves', true, by(sets[1], SECOND, [2, 4])], ['the first of epoch 2 by one that left', false, by(sets[1], SECOND + 1, [2, 4])],
		['the first of epoch 3', true, by(sets[2], SECOND + 1, [1, 2])],
	]) {
		agree(`checkpoint: ${name}`, wanted, 'note', chain, bytes);
	}
	agree('a checkpoint of epoch 1 without the chain', false, 'note', us.genesis, by(sets[1], FIRST + 1, [1, 4]));
	agree('a checkpoint of epoch 1 by those that stayed, without the chain', true, 'note', us.genesis, by(sets[1], FIRST + 1, [0, 2]));
	agree('a checkpoint under a chain that does not hold', false, 'note', { ...chain, epochs: epochsFile(withEpoch(us, sets[1], FIRST, { signers: [0] })) }, by(sets[0], FIRST, [0, 1]));
	const bundled = (name, wanted, positions, kind, under = chain) => agree(`bundle of ${name}`, wanted, 'bundle', under, bundle(kind, log, positions, by(sets[2], log.length, [0, 2])));
	bundled('a statement by the old key in its time', true, [6], 'event');
	bundled('a statement by the new key in its time', true, [9], 'event');
	bundled('a statement by the old key too late', false, [13], 'event');
	bundled('a statement by one that leaves later', true, [11], 'event');
	bundled('a statement by one that left', false, [14], 'event');
	bundled('a statement by a newcomer', true, [12], 'event');
	bundled('a statement by a newcomer, without the chain', false, [12], 'event', us.genesis);
	bundled('an alarm of a newcomer\'s gateway', true, [10, 8, 4], 'critical');
	bundled('an alarm whose gateway is not registered', false, [10, 4], 'critical');
	bundled('a registration by one that left', false, [15], 'device');
	bundled('a proposal', true, [4], 'member');
	bundled('a proposal about another', false, [7], 'member');
	bundled('a vote with its proposal', true, [5, 4], 'vote');
	bundled('a vote without its proposal', false, [5], 'vote');
	const received = (name, wanted, i, size, member, under = chain) => agree(`receipt: ${name}`, wanted, 'receipt', under,
		receipt(us, treeRoot(leaves.slice(0, size)), [[size, i, treePath(i, leaves.slice(0, size))]], { key: member.checkpoint, iss: member.name }), log[i]);
	received('in its time', true, 6, FIRST, us.members[1]);
	received('with an old key', false, 6, FIRST + 1, us.members[1]);
	received('with a new key', true, 6, FIRST + 1, rotated);
	received('with a new key too early', false, 6, FIRST, rotated);
	received('by a newcomer', true, 9, log.length, newcomer);
	received('by a newcomer too early', false, 6, FIRST, newcomer);
	received('by one that left', false, 6, log.length, us.members[2]);
	received('of a statement by the old key too late', false, 13, log.length, newcomer);
	received('of a statement by one that left', false, 14, log.length, newcomer);
	received('of an alarm', true, 10, log.length, newcomer);
	received('without the chain', false, 9, log.length, newcomer, us.genesis);
	const word = (i, size, member, more) => receipt(us, treeRoot(leaves.slice(0, size)), [[size, i, treePath(i, leaves.slice(0, size))]], { key: member.checkpoint, iss: member.name, ...more });
	const inside = (name, wanted, i, words, policy) => agree(`transparent: ${name}`, wanted, 'transparent', { ...chain, policy }, transparent(log[i], words));
	const early = [word(6, FIRST, us.members[0]), word(6, FIRST, us.members[2])];
	inside('in its time', true, 6, early);
	inside('of two epochs', true, 6, [...early, word(6, FIRST + 1, rotated)]);
	inside('with an old key', false, 6, [...early, word(6, FIRST + 1, us.members[1])]);
	inside('with a new key too early', false, 6, [...early, word(6, FIRST, rotated)]);
	inside('with one that left', true, 6, [...early, word(6, log.length, newcomer)]);
	inside('with one that left, who does not count', false, 6, [...early, word(6, log.length, newcomer)], { organisations: 3 });
	inside('with one that left, two asked', true, 6, [...early, word(6, log.length, newcomer)], { organisations: 2, required: ['org:newcomer'] });
	inside('with one that left and is named', false, 6, [...early, word(6, log.length, newcomer)], { required: [us.members[2].name] });
	inside('a newcomer named too early', false, 6, early, { required: ['org:newcomer'] });
	inside('of a statement by the old key too late', false, 13, [word(13, log.length, newcomer), word(13, log.length, rotated)]);
	inside('of a statement by the new key', true, 9, [word(9, log.length, newcomer), word(9, log.length, rotated)], {});
	agreeOnDamage('bundle under a chain', 'bundle', chain, bundle('critical', log, [10, 8, 4], by(sets[2], log.length, [0, 2])));
});

// -- files of the real program --------------------------------------------------------------------------------

const real = await example().catch((error) => report(false, 'the example runs', error.stack));
if (real) {
	await test('files of a running consortium are good', () => {
		agree('checkpoint', true, 'note', real.genesis, real.note);
		agree('bundle of an anchor', true, 'bundle', real.genesis, real.anchorBundle);
		agree('bundle of a reading', true, 'bundle', real.genesis, real.readingBundle);
		agree('consistency', true, 'consistency', real.genesis, real.consistency, real.note);
		real.receipts.forEach((bytes, i) => agree(`receipt ${i}`, true, 'receipt', real.genesis, bytes, real.statements[i]));
		agree('a receipt of another statement', false, 'receipt', real.genesis, real.receipts[0], real.statements[1]);
		agree('transparent statement', true, 'transparent', { genesis: real.genesis, policy: { organisations: 4 } }, real.transparent);
		expect(real.oneAway.code === 0 && real.oneAway.error.includes('no receipt from http://127.0.0.1:1: ') && real.oneAway.error.includes('3 of 4 nodes gave a good receipt'),
			`one node away: ${real.oneAway.error}`);
		expect(read(real.transparent.subarray(1))[1].get(394).length === 4 && same(real.statements[1], transparent(real.transparent, [], { unprotected: new Map() })),
			'four receipts of the very statement');
		expect(new Set(real.receipts.map((bytes) => read(readSign1(bytes).header).get(15).get(1))).size === 4, 'four issuers');
		expect(readNote(real.note).lines.length >= 2, 'lines');
		agree('nothing under a genesis of others', false, 'bundle', us.genesis, real.readingBundle);
	});
	await test('damaged checkpoints are refused by both', () => agreeOnDamage('checkpoint', 'note', real.genesis, real.note));
	await test('damaged bundles of anchors are refused by both', () => agreeOnDamage('anchor', 'bundle', real.genesis, real.anchorBundle));
	await test('damaged bundles of readings are refused by both', () => agreeOnDamage('reading', 'bundle', real.genesis, real.readingBundle));
	await test('damaged receipts and statements are refused by both', () => agreeOnDamage('receipt', 'receipt', real.genesis, real.receipts[3], real.statements[3]));
	await test('damaged transparent statements are refused by both', () => agreeOnDamage('transparent', 'transparent', real.genesis, real.transparent));
	await test('damaged consistency is refused by both', () => agreeOnDamage('consistency', 'consistency', real.genesis, real.consistency, real.note));
	await test('a reading\'s proof is judged part by part', () => {
		const changed = (change) => {
			const parts = read(real.readingBundle);
			change(parts[4], parts);
			return write(parts);
		};
		for (const [name, change] of [
			['its value', (reading) => (reading[0][reading[0].length - 10] ^= 1)], ['its index', (reading) => (reading[1] += 1)], ['the count', (reading) => (reading[2] += 1)],
			['a node', (reading) => (reading[3][0][0] ^= 1)], ['a node less', (reading) => reading[3].pop()], ['a leaf that is too long', (reading) => (reading[0] = new Uint8Array(1025))],
			['no reading', (reading, parts) => parts.pop()],
		])
			agree(`reading with a change of ${name}`, false, 'bundle', real.genesis, changed(change));
	});
}

finish(` and to the verifier here, seed ${seed}`);
