// What is judged: the files of a real example, made by the program's own nodes, and a consortium made here, whose members
// sign whatever a test wants them to.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { concat, cosignedMessage, hex, keyId, leafHash, read, sha256, sign1Input, text, thumbprint, treePath, treeRoot, write, writeNote, writeSign1 } from './forms.mjs';

export const program = process.env.TALLY_PROGRAM ?? '../../../build/main/tally';
export const folder = mkdtempSync(join(tmpdir(), 'tally-verifier-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

export function run(...words) {
	const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
	return { code: status, out: stdout, error: stderr };
}

// -- tests: TAP -----------------------------------------------------------------------------------------------

let count = 0, failures = 0, written = 0;

export function report(good, name, detail = '') {
	count++;
	failures += good ? 0 : 1;
	console.log(`${good ? 'ok' : 'not ok'} ${count} ${name}`);
	if (!good && detail)
		console.log(`# ${detail.replaceAll('\n', '\n# ')}`);
}

// A body that returns a text was skipped, for that reason.
export async function test(name, body) {
	try {
		const skipped = await body();
		report(true, typeof skipped === 'string' ? `${name} # SKIP ${skipped}` : name);
	} catch (error) {
		report(false, name, error.stack);
	}
}

export function expect(condition, why) {
	if (!condition)
		throw new Error(why);
}

export function finish(more = '') {
	console.log(`1..${count}`);
	console.log(`# ${written} files given to tally verify${more}; ${count - failures} passed, ${failures} failed`);
	process.exit(failures ? 1 : 0);
}

// What is trusted: a genesis, or one with a file of epochs and a policy.
export const trusted = (under) => (under instanceof Uint8Array ? { genesis: under } : under);

// What tally verify says to these bytes.
export function judge(under, ...files) {
	const { genesis, epochs, policy } = trusted(under);
	written++;
	const paths = files.map((bytes, i) => join(folder, `case-${i}`));
	files.forEach((bytes, i) => writeFileSync(paths[i], bytes));
	const path = join(folder, 'case-genesis');
	writeFileSync(path, genesis);
	if (epochs)
		writeFileSync(join(folder, 'case-epochs'), epochs);
	if (policy)
		writeFileSync(join(folder, 'case-policy'), JSON.stringify(policy));
	const { code, out, error } = run('verify', '--genesis', path, ...(epochs ? ['--epochs', join(folder, 'case-epochs')] : []),
		...(policy ? ['--policy', join(folder, 'case-policy')] : []), ...paths);
	if (code !== 0 && code !== 1)
		throw new Error(`tally verify ended with ${code}: ${error}`);
	return { good: code === 0, out, error };
}

// -- the example ------------------------------------------------------------------------------------------

// Message numbers do not fit a double: they stay text.
async function ask(url) {
	const answer = await fetch(url);
	return answer.ok ? JSON.parse((await answer.text()).replace(/"seq":(\d+)/g, '"seq":"$1"')) : undefined;
}

async function until(what, seconds, look) {
	for (const end = Date.now() + 1000 * seconds; Date.now() < end; await pause(300)) {
		try {
			const found = await look();
			if (found)
				return found;
		} catch {
			// not there yet
		}
	}
	throw new Error(`${what} did not come within ${seconds} s`);
}

function exported(name, ...words) {
	const path = join(folder, name);
	const { code, error } = run('export', '--out', path, ...words);
	return code === 0 ? Uint8Array.from(readFileSync(path)) : ((exported.error = error), undefined);
}

async function exportedSoon(name, ...words) {
	return until(`${name} (${words.join(' ')})`, 60, async () => exported(name, ...words)).catch((error) => {
		throw new Error(`${error.message}: ${exported.error}`);
	});
}

// Run it until it has anchored readings; then fetch one file of each kind.
export async function example() {
	const state = join(folder, 'state');
	const child = spawn(program, ['run', '--state', state, '--fresh', '--examples', process.env.TALLY_EXAMPLES ?? '../../../examples/shopfloor'], { stdio: 'ignore' });
	const ended = new Promise((resolve) => child.on('exit', resolve));
	try {
		const port = await until('the example', 60, async () => Number(readFileSync(join(state, 'port'), 'utf8')) || undefined);
		const nodes = [11, 12, 13, 14].map((offset) => `http://127.0.0.1:${port + offset}`), floor = `http://127.0.0.1:${port + 10}`;
		const newest = async (type) => (await ask(`${nodes[0]}/api/v1/statements?type=${type}&limit=1&order=desc`))?.statements[0];
		const anchor = await until('an anchor', 180, () => newest('anchor'));
		const reading = await until('a reading', 60, () => ask(`${floor}/api/v1/floor/reading?chunk=${anchor.body.chunk}&leaf=0`));
		const device = await newest('device');
		const note = await exportedSoon('note', '--node', nodes[0], '--note');
		const size = Buffer.from(note).toString().split('\n')[1];
		await until('a larger checkpoint', 60, async () => (await ask(`${nodes[2]}/api/v1/node`)).checkpoint.size > Number(size));
		const files = {
			genesis: Uint8Array.from(readFileSync(join(state, 'genesis.cbor'))), note,
			anchorBundle: await exportedSoon('anchor', '--node', nodes[0], anchor.id),
			readingBundle: await exportedSoon('reading', '--node', nodes[1], '--floor', floor, `${reading.device}#${reading.signal}@${reading.seq}`),
			consistency: await exportedSoon('consistency', '--node', nodes[2], '--since', size),
			receipts: [], statements: [],
		};
		const all = nodes.flatMap((node) => ['--node', node]);
		files.transparent = await exportedSoon('transparent', ...all, '--transparent', '--genesis', join(state, 'genesis.cbor'), device.id);
		files.oneAway = run('export', '--out', join(folder, 'one-away'), ...all.slice(2), '--node', 'http://127.0.0.1:1', '--transparent', '--genesis', join(state, 'genesis.cbor'), device.id);
		for (const [i, id] of [anchor.id, device.id, anchor.id, device.id].entries()) {
			const path = join(folder, `statement-${i}`);
			files.receipts.push(await exportedSoon(`receipt-${i}`, '--node', nodes[0], '--from', nodes[i], '--receipt', '--statement', path, id));
			files.statements.push(Uint8Array.from(readFileSync(path)));
		}
		return files;
	} finally {
		child.kill('SIGINT');
		await ended;
	}
}

// -- a consortium of our own --------------------------------------------------------------------------------

export function keyOf(seed) {
	const { secretKey, publicKey } = ml_dsa44.keygen(sha256(text(seed)));
	return { public: publicKey, sign: (message) => ml_dsa44.sign(message, secretKey, { extraEntropy: false }) };
}

export function statement({ type, seq = 1, prev = null, parents = [], network, iss, sub, body, key, iat = 1767225600, kid = thumbprint(key.public) }) {
	const header = write(new Map([[1, -48], [4, kid], [15, new Map([[1, iss], [2, sub], [6, iat]])], ['tally', [1, type, seq, prev, parents, network, 1]]]));
	const payload = write(body);
	return writeSign1({ header, payload, signature: key.sign(sign1Input(header, payload)) });
}

// An organisation with keys from a seed, as it stands in a genesis.
export function organisation(iss, seed, { title = iss.slice(4), keys = { record: keyOf(`${seed} record`), node: keyOf(`${seed} node`), checkpoint: keyOf(`${seed} checkpoint`) } } = {}) {
	const body = new Map([[1, title], [2, 'supplier'], [3, keys.record.public], [4, keys.node.public], [5, keys.checkpoint.public], [6, sha256(text(seed))]]);
	return { ...keys, name: iss, bytes: statement({ type: 1, network: new Uint8Array(16), iss, sub: iss, body, key: keys.record }) };
}

// settings: undefined for the usual ones.
export function consortium(name, count = 4, settings) {
	const members = Array.from({ length: count }, (_, i) => organisation(`org:member-${i}`, `${name} ${i}`));
	const statements = members.map(({ bytes }) => bytes);
	const genesis = write(settings ? ['tally/genesis/v2', name, 1767225600000, settings, statements] : ['tally/genesis/v1', name, 1767225600000, statements]);
	const digest = sha256(genesis), network = digest.subarray(0, 16);
	return { members, genesis, network, origin: `tally/${hex(network)}`, epochs: [{ members, digest, commits: 0 }], links: [] };
}

// One epoch more: these members since this size of the log; null: as before. By whom it is signed, and what is odd about it.
export function withEpoch(us, members, size, { signers = us.members.map((_, i) => i), by = us.members, signed, more = [], noteNumber, origin = `${us.origin}/epoch`, ...odd } = {}) {
	const before = us.epochs.at(-1), number = us.epochs.length, commits = before.commits + 10;
	const fields = { form: 'tally/epoch/v1', network: us.network, number, previous: before.digest, commits, size, time: 1767225600000 + size,
		list: (members ?? []).map(({ bytes }) => bytes), rest: [], ...odd };
	const record = write([fields.form, fields.network, fields.number, fields.previous, fields.commits, sha256(text('commit')), fields.size, sha256(text('log')), fields.time,
		fields.list, ...fields.rest]);
	const digest = sha256(record), root = signed ?? digest, of = noteNumber ?? number;
	const bytes = writeNote({ origin, size: of, root, lines: [...signers.map((i) => line(by[i].name, by[i].checkpoint, origin, of, root)), ...more] });
	return { ...us, members: members ?? us.members, epochs: [...us.epochs, { members: members ?? us.members, digest, commits }],
		links: [...us.links, [record, Buffer.from(bytes).toString('utf8')]] };
}

export const epochsFile = ({ links }) => write(['tally/epochs/v1', links]);

export const leavesOf = (statements) => statements.map((bytes) => leafHash(sha256(bytes)));

export function line(name, key, origin, size, root, { time = 1767225700, signer = key } = {}) {
	return { name, id: keyId(name, key.public), time, signature: signer.sign(cosignedMessage(name, time, origin, size, root)) };
}

export function note({ members, origin }, statements, signers, { size = statements.length, root = treeRoot(leavesOf(statements)), more = [] } = {}) {
	return writeNote({ origin, size, root, lines: [...signers.map((i) => line(members[i].name, members[i].checkpoint, origin, size, root)), ...more] });
}

export function bundle(kind, statements, positions, noteBytes, reading) {
	const entries = positions.map((i) => [statements[i], i, treePath(i, leavesOf(statements))]);
	return write(['tally/bundle/v1', kind, entries, Buffer.from(noteBytes).toString('utf8'), ...(reading ? [reading] : [])]);
}

export function receipt({ origin, members }, root, proofs,
	{ member = 0, key = members[member].checkpoint, iss = members[member].name, sub = origin, kid = thumbprint(key.public), kind = -1, alg = -48, vds = 1,
		more = [], payload = null } = {}) {
	const header = write(new Map([[1, alg], [4, kid], [15, new Map([[1, iss], [2, sub]])], [395, vds], ...more]));
	const unprotected = new Map([[396, new Map([[kind, proofs.map((proof) => write(proof))]])]]);
	return writeSign1({ header, unprotected, payload, signature: key.sign(sign1Input(header, root)) });
}

// A statement with receipts in its unprotected header.
export function transparent(statementBytes, receipts, { label = 394, more = [], list = receipts, ...odd } = {}) {
	const [header, , payload, signature] = read(statementBytes.subarray(1));
	return writeSign1({ header, unprotected: new Map([[label, list], ...more]), payload, signature, ...odd });
}

export { concat };
