// What `tally verify` decides, decided by another program. Each function returns, or throws Refused.
import { consistencyRoot, cosignedMessage, hex, inclusionRoot, isBytes, isCount, isText, keyId, leafHash, must, read, readMap, readNote, readSign1, Refused, same,
	sha256, sign1Input, signatureHolds, text, thumbprint, writeSign1 } from './forms.mjs';

const TYPES = { 1: 'org', 2: 'person', 4: 'device', 9: 'event', 10: 'anchor', 11: 'model', 12: 'bounds', 23: 'device_state', 24: 'disturbance', 25: 'service',
	26: 'command', 27: 'result', 28: 'critical', 29: 'ack', 31: 'member', 32: 'vote' };
const CITES = new Set([11, 24, 25, 26, 27, 29, 32]); // conclude from their parents
const NONE = new Uint8Array(16);
const isName = (value) => isText(value) && Buffer.byteLength(value) <= 200 && !/[\x00-\x1f\x7f]/.test(value);

// -- statements ------------------------------------------------------------------------------------

export function readStatement(bytes) {
	must(bytes.length <= 60 * 1024, 'too long');
	const { header, unprotected, payload, signature } = readSign1(bytes);
	must(unprotected.size === 0 && payload !== null && signature.length === 2420, 'not a statement');
	const map = readMap(header, [1, 4, 15, 'tally']);
	const claims = map.get(15), own = map.get('tally');
	must(map.get(1) === -48 && isBytes(map.get(4), 32), 'not ML-DSA-44 with a key id');
	must(claims instanceof Map && claims.size === 3 && isName(claims.get(1)) && claims.get(1) !== '' && isName(claims.get(2)) && isCount(claims.get(6)), 'claims');
	must(Array.isArray(own) && own.length === 7, 'header');
	const [version, type, seq, prev, parents, network, kind] = own;
	must(version === 1 && TYPES[type] && isCount(seq) && seq >= 1, 'version, type, number');
	must(seq === 1 ? prev === null : isBytes(prev, 32) && !same(prev, new Uint8Array(32)), 'previous');
	must(Array.isArray(parents) && parents.length <= 8 && parents.every((parent) => isBytes(parent, 32)), 'parents');
	must(isBytes(network, 16) && isCount(kind) && kind <= 3, 'network, class');
	const body = readMap(payload);
	must([...body.keys()].every((key) => isCount(key)), 'a body has numbers as keys');
	return { type, seq, parents, network, kid: map.get(4), iss: claims.get(1), sub: claims.get(2), body, header, payload, signature, id: sha256(bytes) };
}

const statementHolds = (statement, key) =>
	same(statement.kid, thumbprint(key)) && signatureHolds(key, sign1Input(statement.header, statement.payload), statement.signature);

// -- members: the genesis, and the epochs after it -----------------------------------------------------

// An organisation's own statement, signed with the key that it states.
function readMember(statement) {
	must(isBytes(statement), 'member');
	const org = readStatement(statement);
	must(org.type === 1 && org.seq === 1 && same(org.network, NONE) && org.parents.length === 0 && /^org:[!-*,-~]+$/.test(org.iss), 'founding statement');
	const [record, node, checkpoint] = [3, 4, 5].map((key) => org.body.get(key));
	must([record, node, checkpoint].every((key) => isBytes(key, 1312)) && statementHolds(org, record), 'keys');
	return { name: org.iss, title: org.body.get(1), tls: org.body.get(6), record, node, checkpoint, id: org.id };
}

// crash: the founders chose it for three: then two are a quorum, and two must have signed.
function readMembers(statements, crash) {
	must(Array.isArray(statements) && statements.length <= 64, 'members');
	const members = statements.map(readMember);
	must(new Set(members.map(({ name }) => name)).size === members.length && new Set(members.map(({ title }) => title)).size === members.length, 'two of one name');
	const keys = members.flatMap(({ record, node, checkpoint }) => [record, node, checkpoint].map(hex)), tls = members.flatMap(({ tls }) => (tls ? [hex(tls)] : []));
	must(new Set(keys).size === keys.length && new Set(tls).size === tls.length, 'one key twice');
	if (crash && members.length === 3)
		return { members, least: 2, quorum: 2 };
	return { members, least: Math.floor((members.length - 1) / 3) + 1, quorum: Math.floor(2 * members.length / 3) + 1 };
}

// What was agreed on and is not as usual: how much an epoch may weigh, and whether three members bear a crash.
function readSettings(map) {
	must(map instanceof Map && map.size >= 1 && [...map.keys()].every((key) => key === 1 || key === 2), 'settings');
	const weight = map.get(1), faults = map.get(2);
	must(!map.has(1) || (isCount(weight) && weight >= 2 ** 16 && weight <= 2 ** 50 && BigInt(weight) !== 2n ** 30n), 'weight of an epoch');
	must(!map.has(2) || faults === 'crash', 'what members bear');
	return { crash: map.has(2) };
}

// The chain that begins with a genesis. Its epochs are those of all that is judged.
export function readGenesis(bytes) {
	const parts = read(bytes), form = Array.isArray(parts) ? parts[0] : undefined, statements = parts?.at?.(-1);
	must((form === 'tally/genesis/v1' && parts.length === 4) || (form === 'tally/genesis/v2' && parts.length === 5), 'form');
	must(isText(parts[1]) && isCount(parts[2]) && Array.isArray(statements) && statements.length >= 1, 'form');
	const { crash } = parts.length === 5 ? readSettings(parts[3]) : { crash: false };
	must(!crash || statements.length === 3, 'only three bear a crash');
	const digest = sha256(bytes), network = digest.subarray(0, 16);
	return { network, crash, origin: `tally/${hex(network)}`, epochs: [{ ...readMembers(statements, crash), number: 0n, digest, commits: 0n, size: 0n }] };
}

function readRecord(bytes, chain) {
	const parts = read(bytes), before = chain.epochs.at(-1);
	must(Array.isArray(parts) && parts.length === 10 && parts[0] === 'tally/epoch/v1' && same(parts[1], chain.network), 'a record of this network');
	must([2, 4, 6, 8].every((i) => isCount(parts[i])) && [3, 5, 7].every((i) => isBytes(parts[i], 32)), 'form');
	const [number, commits, size] = [parts[2], parts[4], parts[6]].map(BigInt);
	must(number === before.number + 1n && same(parts[3], before.digest), 'the next epoch');
	must(commits > before.commits && size >= before.size, 'forwards');
	const members = parts[9].length === 0 ? before : readMembers(parts[9], chain.crash);
	return { members: members.members, least: members.least, quorum: members.quorum, number, digest: sha256(bytes), commits, size };
}

// Each record is signed by a quorum of the epoch before.
export function readEpochs(bytes, chain) {
	const parts = read(bytes);
	must(Array.isArray(parts) && parts.length === 2 && parts[0] === 'tally/epochs/v1' && Array.isArray(parts[1]), 'form');
	const epochs = [...chain.epochs];
	for (const link of parts[1]) {
		must(Array.isArray(link) && link.length === 2 && isBytes(link[0]) && isText(link[1]), 'link');
		const note = readNote(text(link[1])), before = epochs.at(-1);
		must(note.origin === `${chain.origin}/epoch` && note.size === before.number + 1n && same(note.root, sha256(link[0])), 'another record');
		must(signersOf(note, before, false).size >= before.quorum, 'too few of the epoch before');
		epochs.push(readRecord(link[0], { ...chain, epochs }));
	}
	return { ...chain, epochs };
}

// Of a log of this size, or of its entry before it: the newest that began with a smaller one.
const epochOf = (chain, size) => chain.epochs.findLast((epoch) => epoch.number === 0n || epoch.size < BigInt(size));
const memberNamed = (epoch, name) => epoch.members.find((member) => member.name === name);

// -- a checkpoint -------------------------------------------------------------------------------------

// Who of the epoch signed. Witnesses are not ours to judge, and no organisations.
function signersOf(note, epoch, witnesses = true) {
	const signers = new Set();
	for (const { name, id, time, signature } of note.lines) {
		must(!epoch.members.some((member) => member.name !== name && same(id, keyId(member.name, member.checkpoint))), 'a line under another name');
		if (witnesses && !name.startsWith('org:'))
			continue;
		const member = memberNamed(epoch, name);
		must(member && !signers.has(name) && same(id, keyId(name, member.checkpoint)) && time !== 0n, 'a line that is not a member\'s');
		must(signatureHolds(member.checkpoint, cosignedMessage(name, time, note.origin, note.size, note.root), signature), 'a signature');
		signers.add(name);
	}
	return signers;
}

export function verifyNote(bytes, chain) {
	const note = readNote(bytes), epoch = epochOf(chain, note.size);
	must(note.origin === chain.origin, 'of another log');
	must(signersOf(note, epoch).size >= epoch.least, 'too few organisations');
	return note;
}

// -- receipts: RFC 9942 -----------------------------------------------------------------------------------

export function readReceipt(bytes) {
	must(bytes.length <= 32 * 1024, 'too long');
	const { header, unprotected, payload, signature } = readSign1(bytes);
	must(payload === null && unprotected.size === 1 && unprotected.get(396) instanceof Map && unprotected.get(396).size === 1, 'not a receipt');
	const [[kind, proofs]] = unprotected.get(396);
	must((kind === -1 || kind === -2) && Array.isArray(proofs) && proofs.length >= 1 && proofs.length <= 4, 'no proofs');
	return {
		header, signature, kind, proofs: proofs.map((proof) => {
			must(isBytes(proof), 'proof');
			const parts = read(proof);
			must(Array.isArray(parts) && parts.length === 3 && isCount(parts[0]) && isCount(parts[1]), 'proof');
			must(Array.isArray(parts[2]) && parts[2].length <= 64 && parts[2].every((node) => isBytes(node, 32)), 'path');
			return kind === -1 ? { size: parts[0], index: parts[1], path: parts[2] } : { first: parts[0], size: parts[1], path: parts[2] };
		}),
	};
}

function receiptRoot(receipt, compute) {
	const roots = receipt.proofs.map(compute);
	must(roots.every((root) => same(root, roots[0])), 'proofs of several roots');
	return roots[0];
}

function checkReceipt(receipt, chain, compute) {
	const map = readMap(receipt.header, [1, 4, 15, 395]);
	const claims = map.get(15);
	must(map.get(1) === -48 && map.get(395) === 1 && isBytes(map.get(4), 32) && claims instanceof Map && claims.size === 2, 'header');
	must(claims.get(2) === chain.origin, 'of another log');
	const member = memberNamed(epochOf(chain, receipt.proofs[0].size), claims.get(1));
	must(member && same(map.get(4), thumbprint(member.checkpoint)), 'not by a key of its epoch');
	const root = receiptRoot(receipt, compute);
	must(signatureHolds(member.checkpoint, sign1Input(receipt.header, root), receipt.signature), 'signature');
	return { issuer: member.name, root, size: BigInt(receipt.proofs[0].size) };
}

// An organisation's statement is signed with its key of the epoch in which the entry was applied.
function checkIssuer(statement, position, chain) {
	const issuer = memberNamed(epochOf(chain, position + 1n), statement.iss);
	must(issuer ? statementHolds(statement, issuer.record) : !statement.iss.startsWith('org:'), 'the statement\'s signature');
}

export function verifyReceipt(bytes, statementBytes, chain) {
	const statement = readStatement(statementBytes);
	must(same(statement.network, statement.type === 1 ? NONE : chain.network), 'of another network');
	const receipt = readReceipt(bytes);
	must(receipt.kind === -1, 'not of inclusion');
	checkIssuer(statement, BigInt(receipt.proofs[0].index), chain);
	return checkReceipt(receipt, chain, ({ index, size, path }) => inclusionRoot(leafHash(statement.id), index, size, path));
}

export function verifyConsistency(bytes, noteBytes, chain) {
	const note = verifyNote(noteBytes, chain);
	const receipt = readReceipt(bytes);
	must(receipt.kind === -2, 'not of consistency');
	return checkReceipt(receipt, chain, ({ first, size, path }) => {
		must(BigInt(first) === note.size, 'from another size');
		return consistencyRoot(first, size, note.root, path);
	});
}

// -- statements with receipts inside: RFC 9943 -----------------------------------------------------------------

function readTransparent(bytes) {
	must(bytes.length <= 2 ** 20, 'too long');
	const { unprotected, ...parts } = readSign1(bytes), receipts = unprotected.get(394);
	must(parts.payload !== null && unprotected.size === 1 && Array.isArray(receipts) && receipts.length >= 1 && receipts.length <= 64, 'not receipts alone');
	must(receipts.every((receipt) => isBytes(receipt) && receipt.length >= 1 && receipt.length <= 32 * 1024), 'receipts that are none');
	return { statement: readStatement(writeSign1(parts)), receipts };
}

// What one receipt says; undefined: it is not good.
function wordOf(bytes, statement, chain) {
	try {
		const receipt = readReceipt(bytes);
		must(receipt.kind === -1, 'not of inclusion');
		const word = checkReceipt(receipt, chain, ({ index, size, path }) => inclusionRoot(leafHash(statement.id), index, size, path));
		return { ...word, position: BigInt(receipt.proofs[0].index) };
	} catch (error) {
		if (!(error instanceof Refused))
			throw error;
		return undefined;
	}
}

function checkPolicy({ organisations, required = [], witnesses_needed: witnesses, max_age_s: age }, names, { members, least }) {
	const needed = organisations || least;
	must(!age && !witnesses, 'receipts have no age and no witnesses');
	must(needed >= least && needed <= members.length, 'a policy that liars satisfy, or nobody');
	must(names.filter((name) => members.some((member) => member.name === name)).length >= needed, 'too few organisations');
	must(required.every((name) => names.includes(name) && members.some((member) => member.name === name)), 'somebody who is required');
}

export function verifyTransparent(bytes, chain) {
	const { statement, receipts } = readTransparent(bytes), words = [];
	must(same(statement.network, statement.type === 1 ? NONE : chain.network), 'of another network');
	for (const receipt of receipts) {
		const word = wordOf(receipt, statement, chain);
		if (!word || words.some(({ issuer }) => issuer === word.issuer))
			continue;
		must(words.every(({ position }) => position === word.position), 'two positions');
		must(words.every(({ size, root }) => size !== word.size || same(root, word.root)), 'two roots');
		words.push(word);
	}
	must(words.length > 0, 'no good receipt');
	checkIssuer(statement, words[0].position, chain);
	if (!chain.policy)
		return must(words.length === receipts.length, 'a receipt is not good');
	const newest = words.reduce((a, b) => (b.size > a.size ? b : a)).size;
	checkPolicy(chain.policy, words.map(({ issuer }) => issuer), epochOf(chain, newest));
}

// Of another service, under an algorithm that `holds` knows: the public vectors.
export function foreignReceiptHolds(bytes, statementBytes, holds) {
	const [header, unprotected, payload, signature] = read(bytes.subarray(1));
	must(payload === null, 'a payload');
	const receipt = readReceipt(bytes);
	// Other services order their maps as they like: the header is only looked into.
	must(unprotected.size === 1 && Buffer.from(header).includes(Buffer.from('19018b01', 'hex')), 'another data structure');
	const root = receiptRoot(receipt, ({ index, size, path }) => inclusionRoot(leafHash(sha256(statementBytes)), index, size, path));
	must(holds(sign1Input(header, root), signature), 'signature');
	return root;
}

// -- bundles -----------------------------------------------------------------------------------------------

function readBundle(bytes) {
	const parts = read(bytes);
	must(Array.isArray(parts) && (parts.length === 4 || parts.length === 5) && parts[0] === 'tally/bundle/v1' && isText(parts[1]), 'form');
	must(Array.isArray(parts[2]) && parts[2].length >= 1 && parts[2].length <= 512 && isText(parts[3]), 'entries');
	const path = (nodes) => must(Array.isArray(nodes) && nodes.length <= 64 && nodes.every((node) => isBytes(node, 32)), 'path');
	const entries = parts[2].map((entry) => {
		must(Array.isArray(entry) && entry.length === 3 && isBytes(entry[0]) && isCount(entry[1]), 'entry');
		path(entry[2]);
		return { statement: readStatement(entry[0]), index: BigInt(entry[1]), path: entry[2] };
	});
	const reading = parts[4];
	if (parts.length === 5) {
		must(Array.isArray(reading) && reading.length === 4 && isBytes(reading[0]) && reading[0].length <= 1024 && isCount(reading[1]) && isCount(reading[2]), 'reading');
		path(reading[3]);
	}
	return { kind: parts[1], entries, note: text(parts[3]), reading };
}

// The key that a registration gives: a person's, a gateway's.
const registeredKey = ({ type, body }) => (type === 2 ? body.get(2) : type === 4 ? body.get(7) : undefined);

// An organisation's key is that of the epoch in which the entry was applied.
function keyOf(entry, entries, chain) {
	const organisation = ({ index }, name) => memberNamed(epochOf(chain, index + 1n), name);
	const member = organisation(entry, entry.statement.iss);
	if (member)
		return member.record;
	const found = entries.filter(({ statement, index }) => statement.sub === entry.statement.iss && index < entry.index && organisation({ index }, statement.iss)
		&& isBytes(registeredKey(statement), 1312)).sort((a, b) => (a.index < b.index ? 1 : -1));
	must(found.length > 0, 'an issuer without a registration');
	return registeredKey(found[0].statement);
}

// An organisation that joins states its keys in the proposal.
function checkProposal({ type, sub, body }) {
	if (type !== 31)
		return;
	must([1, 2, 3].includes(body.get(1)) && (body.get(1) === 2) === !body.has(2), 'proposal');
	must(!body.has(2) || readMember(body.get(2)).name === sub, 'a statement of another organisation');
}

function checkParents(entry, entries, first) {
	const { type, parents, body } = entry.statement;
	for (const parent of parents) {
		const inside = entries.find(({ statement }) => same(statement.id, parent));
		must(inside ? inside.index < entry.index : !(first && CITES.has(type)), 'a parent that is later, or absent');
	}
	if (type === 27 || type === 29 || type === 32)
		must(parents.some((parent) => same(parent, body.get(1))), 'an answer to none of its parents');
}

// A sample's bytes: docs/formats.md, "Sample".
function readSample(leaf) {
	const bytes = Buffer.from(leaf);
	let at = 1;
	const string = () => {
		const size = bytes[at];
		must(size !== undefined && at + 1 + size <= bytes.length, 'sample');
		at += 1 + size;
		return bytes.subarray(at - size, at).toString('utf8');
	};
	const device = string();
	string();
	string();
	string();
	must(bytes[0] === 1 && bytes.length === at + 3 * 8 + 3 * 8 + 4 + 1, 'sample');
	return { device, seq: bytes.readBigUInt64LE(at) };
}

function checkReading([leaf, index, count, path], anchor) {
	const sample = readSample(leaf);
	must(BigInt(count) === BigInt(anchor.body.get(3)), 'as many leaves as the anchor states');
	must(same(inclusionRoot(leafHash(leaf), index, count, path), anchor.body.get(2)), 'the anchor\'s root');
	must((anchor.body.get(7) ?? []).some((range) => range.get(1) === sample.device && BigInt(range.get(5)) <= sample.seq && sample.seq <= BigInt(range.get(6))),
		'a reading that the anchor does not cover');
}

export function verifyBundle(bytes, chain) {
	const { kind, entries, note: noteBytes, reading } = readBundle(bytes);
	const subject = entries[0].statement;
	must(kind === (reading ? 'reading' : TYPES[subject.type]) && (!reading || subject.type === 10), 'kind');
	must(new Set(entries.map(({ statement }) => hex(statement.id))).size === entries.length, 'a statement twice');
	const note = verifyNote(noteBytes, chain);
	for (const { statement, index, path } of entries)
		must(same(inclusionRoot(leafHash(statement.id), index, note.size, path), note.root), 'inclusion');
	entries.forEach((entry, number) => {
		const { statement } = entry;
		must(same(statement.network, statement.type === 1 ? NONE : chain.network), 'of another network');
		must(statementHolds(statement, keyOf(entry, entries, chain)), 'a statement\'s signature');
		checkProposal(statement);
		checkParents(entry, entries, number === 0);
	});
	if (reading)
		checkReading(reading, subject);
	return { size: note.size, entries: entries.length };
}
