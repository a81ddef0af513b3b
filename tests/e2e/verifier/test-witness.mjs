// Witnesses and nodes as processes: the protocol, what survives kill -9, lines in checkpoints and bundles, and what a node
// answers while nothing can become final.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concat, cosignedMessage, hex, keyId, readNote, same, sha256, signatureHolds, text, treeRoot, writeNote } from './forms.mjs';
import { readGenesis, verifyBundle, verifyNote, verifyReceipt } from './verifier.mjs';
import { answers, ask, cluster, impostor, keyIn, until, watchedBy, witness } from './nodes.mjs';
import { consortium, expect, finish, folder, judge, keyOf, leavesOf, line, note, run, statement, test } from './world.mjs';

// -- the protocol, spoken by hand -----------------------------------------------------------------

const us = consortium('watched'), log = Array.from({ length: 40 }, (_, i) => text(`entry ${i}`)), leaves = leavesOf(log);
const half = (list) => 2 ** Math.floor(Math.log2(list.length - 1));
// PROOF, RFC 9162, 2.1.4.1.
const proof = (m, list, known = true) => (m === list.length ? (known ? [] : [treeRoot(list)])
	: m <= half(list) ? [...proof(m, list.slice(0, half(list)), known), treeRoot(list.slice(half(list)))]
		: [...proof(m - half(list), list.slice(half(list)), false), treeRoot(list.slice(0, half(list)))]);

const body = (old, path, noteBytes) => concat(text(`old ${old}\n`), ...path.map((node) => text(`${Buffer.from(node).toString('base64')}\n`)), text('\n'), noteBytes);
const grow = (old, size, { signers = [0, 2], path = old > 0 && old < size ? proof(old, leaves.slice(0, size)) : [], options } = {}) =>
	body(old, path, note(us, log.slice(0, size), signers, options));

function lineHolds(watcher, bytes, origin, size, root) {
	const [name, value] = Buffer.from(bytes).toString('utf8').trimEnd().split(' ').slice(1), parts = Uint8Array.from(Buffer.from(value, 'base64'));
	const time = Buffer.from(parts).readBigUInt64BE(4);
	expect(Buffer.from(bytes).toString('utf8').startsWith('\u2014 ') && same(parts.subarray(0, 4), keyId(name, watcher.key)), 'a line of the witness');
	expect(Math.abs(Number(time) - Date.now() / 1000) < 60, 'signed now');
	expect(signatureHolds(watcher.key, cosignedMessage(name, time, origin, size, root), parts.subarray(12)), 'the signature');
}

const one = await witness('witness.example/one', us.genesis);
const post = (bytes, path = '/add-checkpoint') => ask(`${one.url}${path}`, { method: 'POST', body: bytes });

async function expectAnswer(name, bytes, code) {
	const answer = await post(bytes);
	expect(answer.code === code, `${name}: ${answer.code}, not ${code}: ${Buffer.from(answer.body)}`);
	return answer;
}

await test('a witness cosigns what grows', async () => {
	await answers(one.start());
	let old = 0;
	for (const size of [1, 4, 4, 7, 16]) {
		const answer = await expectAnswer(`${old} to ${size}`, grow(old, size), 200);
		lineHolds(one, answer.body, us.origin, size, treeRoot(leaves.slice(0, size)));
		old = size;
	}
});

await test('and nothing else', async () => {
	const conflict = await expectAnswer('from an old size', grow(7, 20), 409);
	expect(conflict.type === 'text/x.tlog.size' && Buffer.from(conflict.body).toString() === '16\n', `409 with "${Buffer.from(conflict.body)}" as ${conflict.type}`);
	await expectAnswer('back', grow(0, 3), 409);
	await expectAnswer('an old size above the new', grow(17, 16), 400);
	await expectAnswer('no proof', grow(16, 20, { path: [] }), 422);
	await expectAnswer('a wrong proof', grow(16, 20, { path: [treeRoot(leaves)] }), 422);
	await expectAnswer('a proof too long', grow(16, 20, { path: [...proof(16, leaves.slice(0, 20)), treeRoot(leaves)] }), 422);
	await expectAnswer('another root of the same size', grow(16, 16, { options: { root: treeRoot(leaves) } }), 422);
	await expectAnswer('a proof to itself', grow(16, 16, { path: [treeRoot(leaves)] }), 422);
	await expectAnswer('by one organisation', grow(16, 20, { signers: [3] }), 403);
	await expectAnswer('by one, twice', grow(16, 20, { signers: [3, 3] }), 403);
	const [first] = us.members, bad = line(first.name, first.checkpoint, us.origin, 20, treeRoot(leaves.slice(0, 20)), { signer: us.members[1].checkpoint });
	await expectAnswer('with a bad signature', grow(16, 20, { signers: [1, 2, 3], options: { more: [bad] } }), 403);
	await expectAnswer('of another log', body(16, [], note({ ...us, origin: consortium('other').origin }, log.slice(0, 20), [0, 1, 2, 3])), 404);
	await expectAnswer('nonsense', text('nonsense'), 400);
	await expectAnswer('a proof of 64 nodes', grow(16, 20, { path: Array.from({ length: 64 }, () => leaves[0]) }), 400);
	expect((await post(grow(16, 20), '/other')).code === 404 && (await ask(`${one.url}/add-checkpoint`)).code === 405, 'other addresses and methods');
	await expectAnswer('after all of that, what grows', grow(16, 20), 200);
});

await test('what was answered survives kill -9', async () => {
	let old = 20;
	for (let size = 21; size <= 32; size++) {
		await expectAnswer(`${old} to ${size}`, grow(old, size), 200);
		// The answer is here: from now on it is never forgotten.
		expect((await one.end('SIGKILL')) === 'SIGKILL', 'killed');
		await answers(one.start());
		const answer = await expectAnswer('from nothing', grow(0, 33), 409);
		expect(Buffer.from(answer.body).toString() === `${size}\n`, `it remembers ${Buffer.from(answer.body)} instead of ${size}`);
		old = size;
	}
	expect((await one.end('SIGTERM')) === 0, 'a good end');
});

await test('a witness that cannot remember does not sign', async () => {
	const path = join(one.home, 'data', 'checkpoint'), before = readFileSync(path);
	await answers(one.start());
	rmSync(path);
	mkdirSync(join(path, 'in the way'), { recursive: true }); // no file can be renamed onto it
	const answer = await expectAnswer('32 to 35', grow(32, 35), 500);
	expect(!Buffer.from(answer.body).toString().includes('\u2014'), 'no line');
	expect((await one.ended) === 1 && one.said().includes('event=witness_stops'), 'it stops');
	rmSync(path, { recursive: true });
	writeFileSync(path, before.subarray(0, 60));
	expect((await one.start().ended) === 1 && one.said().includes('is not a checkpoint of tally/'), 'it does not begin with a memory that it cannot read');
	writeFileSync(path, before);
	await answers(one.start());
	expect((await run('witness', '--config', join(one.home, 'witness.ini'))).code === 1, 'one process a folder');
	await expectAnswer('32 to 35', grow(32, 35), 200);
	await one.end();
});

await test('settings that cannot be are refused', async () => {
	for (const [name, ini] of [['a quorum of liars', 'name = w\nquorum = 1'], ['a quorum beyond all', 'name = w\nquorum = 5'], ['a member\'s name', 'name = org:member-0'],
		['a name with a plus', 'name = a+b'], ['no name', 'quorum = 2']]) {
		const path = join(one.home, 'bad.ini');
		writeFileSync(path, `[witness]\n${ini}\n`);
		const { code, error } = run('witness', '--config', path);
		expect(code === 2, `${name}: ${code} ${error}`);
	}
});

// -- nodes and their witness -------------------------------------------------------------------------------

const { nodes, genesis } = await cluster(['alpha', 'beta', 'gamma', 'delta']), known = readGenesis(genesis);
const two = await witness('witness.example/two', genesis, { quorum: 3 });
const orgs = nodes.map(({ home }) => Uint8Array.from(readFileSync(join(home, 'org.cose'))));
const issued = nodes.map((_, i) => ({ seq: 1, prev: sha256(orgs[i]) }));

function next(i) {
	const issuer = issued[i], bytes = statement({ type: 9, seq: issuer.seq + 1, prev: issuer.prev, network: known.network, iss: nodes[i].name, sub: 'thing',
		key: keyIn(join(nodes[i].home, 'keys', 'record.key')), body: new Map([[1, 'order'], [2, 'TransactionEvent'], [3, 'accepting'], [4, 1767225600000 + issuer.seq], [5, 'here']]) });
	issued[i] = { seq: issuer.seq + 1, prev: sha256(bytes) };
	return bytes;
}

const entry = (node, bytes) => ask(`${node.url}/entries`, { method: 'POST', body: bytes, headers: { 'Content-Type': 'application/cose' } });

// The newest checkpoint of this node that covers `size` entries and bears the witness's line.
const witnessed = (node, size) => until('a checkpoint with the witness\'s line', 40, async () => {
	const { code, body: bytes } = await ask(`${node.url}/checkpoint`);
	const read = code === 200 && readNote(bytes);
	return read && read.size >= size && read.lines.some(({ name }) => name === 'witness.example/two') ? { bytes, read } : undefined;
});

// It signs, in due form, another root than the one that it is sent.
const liarKey = keyOf('liar');
const liar = await impostor('witness.example/liar', liarKey, (sent, number) => {
	const { origin, size } = readNote(sent.subarray(sent.indexOf('\n\n') + 2)), root = sha256(text('another'));
	if (number === 1)
		return { code: 409, type: 'text/x.tlog.size', text: 'many\n' };
	const made = line('witness.example/liar', liarKey, origin, size, root);
	return { code: 200, text: Buffer.from(writeNote({ origin, size, root, lines: [made] })).toString('utf8').split('\n\n')[1] };
});

await test('nodes bring their checkpoints to the witness and serve its lines', async () => {
	watchedBy(nodes[0], two, liar);
	watchedBy(nodes[1], two);
	nodes.forEach((node) => node.start());
	two.start();
	await Promise.all([...nodes, two].map(answers));
	let bytes = next(0);
	const answer = await until('the first entry', 30, async () => {
		const got = await entry(nodes[0], bytes);
		return got.code === 201 ? got : undefined;
	});
	expect(verifyReceipt(answer.body, bytes, known).issuer === 'org:alpha', 'a receipt');
	for (const node of [nodes[0], nodes[1]]) {
		const { bytes: found, read } = await witnessed(node, 5);
		const { id, time, signature } = read.lines.find(({ name }) => name === 'witness.example/two');
		expect(same(id, keyId('witness.example/two', two.key)), 'the key');
		expect(signatureHolds(two.key, cosignedMessage('witness.example/two', time, read.origin, read.size, read.root), signature), 'the signature');
		verifyNote(found, known);
		expect(!read.lines.some(({ name }) => name === 'witness.example/liar'), 'no line of a witness that signed something else');
		const verdict = judge(genesis, found);
		expect(verdict.good && verdict.out.includes('witness.example/two'), verdict.out);
	}
	// A bundle takes it along.
	const path = join(folder, 'witnessed.bundle');
	await until('a bundle with the line', 40, async () => {
		expect(run('export', '--node', nodes[0].url, '--out', path, hex(sha256(bytes))).code === 0, 'export');
		return readFileSync(path).includes('witness.example/two');
	});
	verifyBundle(Uint8Array.from(readFileSync(path)), known);
	const verdict = judge(genesis, Uint8Array.from(readFileSync(path)));
	expect(verdict.good && verdict.out.includes('witness.example/two is named by a line as a witness'), verdict.out);
});

await test('a witness that answers nonsense is let alone', async () => {
	await until('a second answer of the liar', 20, async () => liar.asked.length >= 2 && nodes[0].said().includes('event=witness_not_believed'));
	expect(nodes[0].said().includes('name=witness.example/liar code=409'), 'the first answer is noted, too');
	expect(Buffer.from(liar.asked[0]).toString('latin1').startsWith('old 0\n\ntally/'), 'from nothing at first');
	expect(!Buffer.from((await ask(`${nodes[0].url}/checkpoint`)).body).includes('liar'), 'no line');
});

await test('a witness that was killed is told again', async () => {
	await two.end();
	expect((await entry(nodes[1], next(1))).code === 201, 'final without the witness');
	two.start();
	await witnessed(nodes[0], 6);
	// A node that restarts knows no size: it is told, and goes on.
	await nodes[1].end();
	expect((await entry(nodes[0], next(0))).code === 201, 'final without a member');
	await witnessed(nodes[0], 7);
	nodes[1].start();
	await witnessed(nodes[1], 7);
});

await test('without a quorum a statement waits, and its place tells so', async () => {
	await Promise.all([nodes[2].end(), nodes[3].end()]);
	const bytes = next(0), path = `/entries/${hex(sha256(bytes))}`;
	const posted = await entry(nodes[0], bytes);
	expect(posted.code === 303 && posted.location === path && posted.retry === '1' && posted.body.length === 0, `303: ${JSON.stringify(posted)}`);
	const asked = await ask(`${nodes[0].url}${path}`);
	expect(asked.code === 302 && asked.location === path && asked.retry === '1', `302: ${JSON.stringify(asked)}`);
	expect((await ask(`${nodes[1].url}${path}`)).code === 404, 'unknown elsewhere');
	nodes[2].start();
	nodes[3].start();
	for (const [i, node] of nodes.entries()) {
		const receipt = await until(`the receipt of ${node.name}`, 40, async () => {
			const got = await ask(`${node.url}${path}`);
			return got.code === 200 ? got.body : undefined;
		});
		expect(verifyReceipt(receipt, bytes, known).issuer === nodes[i].name, 'its own receipt');
		expect(judge(genesis, receipt, bytes).good, 'tally verify agrees');
	}
});

finish();
