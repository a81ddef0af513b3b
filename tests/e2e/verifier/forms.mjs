// The forms that everything signed is made of: deterministic CBOR, COSE_Sign1, RFC 9162 trees, C2SP notes. Written from the
// documents (docs/architecture.md, docs/verify.md, the RFCs), not from the program, with other people's CBOR and ML-DSA.
import { decode, encode, rfc8949EncodeOptions } from 'cborg';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { sha256 as hash } from '@noble/hashes/sha2.js';

export class Refused extends Error {}

export function must(condition, why) {
	if (!condition)
		throw new Refused(why);
}

export const concat = (...parts) => Uint8Array.from(Buffer.concat(parts.map((part) => Buffer.from(part))));
export const hex = (bytes) => Buffer.from(bytes).toString('hex');
export const same = (a, b) => a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
export const sha256 = (...parts) => hash(concat(...parts));
export const text = (string) => Uint8Array.from(Buffer.from(string, 'utf8'));

// -- CBOR: one encoding of each value -----------------------------------------------------------

const ENCODE = { ...rfc8949EncodeOptions };
const DECODE = { useMaps: true, strict: true, allowIndefinite: false, rejectDuplicateMapKeys: true, allowUndefined: false, allowNaN: false,
	allowInfinity: false };

export const write = (value) => encode(value, ENCODE);

export function read(bytes) {
	let value;
	try {
		value = decode(Uint8Array.from(bytes), DECODE);
	} catch (error) {
		throw new Refused(`no CBOR: ${error.message}`);
	}
	must(same(write(value), Uint8Array.from(bytes)), 'not the one encoding');
	return value;
}

export function readMap(bytes, keys) {
	const map = read(bytes);
	must(map instanceof Map, 'not a map');
	if (keys)
		must(map.size === keys.length && keys.every((key) => map.has(key)), 'not the keys that it must have');
	return map;
}

export const isCount = (value) => (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) || (typeof value === 'bigint' && value >= 0n);
export const isBytes = (value, size) => value instanceof Uint8Array && (size === undefined || value.length === size);
export const isText = (value) => typeof value === 'string';

// -- signatures: FIPS 204, checked once for equal inputs ------------------------------------------

const known = new Map();

export function signatureHolds(key, message, signature) {
	const name = hex(sha256(sha256(key), sha256(message), sha256(signature)));
	if (!known.has(name)) {
		let holds = false;
		try {
			holds = key.length === 1312 && signature.length === 2420 && ml_dsa44.verify(signature, message, key);
		} catch {
			holds = false;
		}
		known.set(name, holds);
	}
	return known.get(name);
}

// -- COSE_Sign1: RFC 9052; keys: RFC 9964, their names: RFC 9679 --------------------------------------

export const thumbprint = (key) => sha256(write(new Map([[1, 7], [3, -48], [-1, key]])));
export const sign1Input = (header, payload) => write(['Signature1', header, new Uint8Array(0), payload]);

export function readSign1(bytes) {
	must(bytes[0] === 0xd2, 'not tagged 18');
	const parts = read(bytes.subarray(1));
	must(Array.isArray(parts) && parts.length === 4, 'not an array of four');
	const [header, unprotected, payload, signature] = parts;
	must(isBytes(header) && unprotected instanceof Map && isBytes(signature) && (payload === null || isBytes(payload)), 'not a COSE_Sign1');
	must(!(header.length === 1 && header[0] === 0xa0), 'an empty header is the empty string');
	return { header, unprotected, payload, signature };
}

export const writeSign1 = ({ header, unprotected, payload, signature }) =>
	concat([0xd2], write([header, unprotected ?? new Map(), payload, signature]));

// -- trees: RFC 9162, 2.1.3.2 and 2.1.4.2 ----------------------------------------------------------------

export const leafHash = (entry) => sha256([0], entry);
export const nodeHash = (left, right) => sha256([1], left, right);

export function inclusionRoot(leaf, index, size, path) {
	let fn = BigInt(index), sn = BigInt(size) - 1n, root = leaf;
	must(fn <= sn && leaf.length > 0, 'an index beyond the size, or no leaf');
	for (const node of path) {
		must(sn > 0n && isBytes(node, 32), 'a path that leads nowhere');
		if (fn & 1n || fn === sn) {
			root = nodeHash(node, root);
			while (fn !== 0n && !(fn & 1n)) {
				fn >>= 1n;
				sn >>= 1n;
			}
		} else {
			root = nodeHash(root, node);
		}
		fn >>= 1n;
		sn >>= 1n;
	}
	must(sn === 0n, 'a path that ends too early');
	return root;
}

export function consistencyRoot(first, second, older, path) {
	first = BigInt(first);
	second = BigInt(second);
	must(first > 0n && first <= second, 'sizes that cannot be');
	if (first === second) {
		must(path.length === 0, 'a path between equal sizes');
		return older;
	}
	must(path.length > 0 && path.every((node) => isBytes(node, 32)), 'a path that leads nowhere');
	const nodes = (first & (first - 1n)) === 0n ? [older, ...path] : [...path];
	let fn = first - 1n, sn = second - 1n;
	for (; fn & 1n; fn >>= 1n)
		sn >>= 1n;
	let fr = nodes[0], sr = nodes[0];
	for (const node of nodes.slice(1)) {
		must(sn > 0n, 'a path that is too long');
		if (fn & 1n || fn === sn) {
			fr = nodeHash(node, fr);
			sr = nodeHash(node, sr);
			while (fn !== 0n && !(fn & 1n)) {
				fn >>= 1n;
				sn >>= 1n;
			}
		} else {
			sr = nodeHash(sr, node);
		}
		fn >>= 1n;
		sn >>= 1n;
	}
	must(sn === 0n && same(fr, older), 'a path from another older root');
	return sr;
}

// MTH and PATH as RFC 9162 defines them, recursively: for making logs in tests.
const split = (n) => 2 ** Math.floor(Math.log2(n - 1));
export function treeRoot(leaves) {
	if (leaves.length === 0)
		return sha256();
	if (leaves.length === 1)
		return leaves[0];
	const k = split(leaves.length);
	return nodeHash(treeRoot(leaves.slice(0, k)), treeRoot(leaves.slice(k)));
}
export function treePath(index, leaves) {
	if (leaves.length <= 1)
		return [];
	const k = split(leaves.length);
	return index < k ? [...treePath(index, leaves.slice(0, k)), treeRoot(leaves.slice(k))] : [...treePath(index - k, leaves.slice(k)), treeRoot(leaves.slice(0, k))];
}

// -- notes: C2SP tlog-checkpoint, tlog-cosignature. Text as latin1, a character a byte ------------------------

const DASH = Buffer.from('\u2014 ', 'utf8').toString('latin1');

function base64(string, size) {
	const bytes = Buffer.from(string, 'base64');
	must(bytes.length === size && bytes.toString('base64') === string, 'not base64 of the right size');
	return Uint8Array.from(bytes);
}

export function readNote(bytes) {
	const lines = Buffer.from(bytes).toString('latin1').split('\n');
	must(lines.length >= 5 && lines.pop() === '', 'a note that does not end with its last line');
	const [origin, size, root, gap, ...signatures] = lines;
	must(origin.length > 0 && origin.length <= 255, 'no origin');
	must(/^(0|[1-9][0-9]*)$/.test(size) && BigInt(size) < 2n ** 64n, 'no size');
	must(gap === '', 'extension lines');
	must(signatures.length <= 80, 'too many lines');
	return {
		origin, size: BigInt(size), root: base64(root, 32), lines: signatures.map((line) => {
			must(line.startsWith(DASH), 'a line that is no signature');
			const [name, value, ...more] = [line.slice(DASH.length).split(' ')[0], line.slice(DASH.length).split(' ').slice(1).join(' ')];
			must(name.length > 0 && more.length === 0, 'a line without a name');
			const signature = base64(value, 4 + 8 + 2420);
			return { name, id: signature.subarray(0, 4), time: Buffer.from(signature).readBigUInt64BE(4), signature: signature.subarray(12) };
		}),
	};
}

export function writeNote({ origin, size, root, lines }) {
	const head = `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n\n`;
	const tail = lines.map(({ name, id, time, signature }) => {
		const stamp = Buffer.alloc(8);
		stamp.writeBigUInt64BE(BigInt(time));
		return `${DASH}${name} ${Buffer.from(concat(id, stamp, signature)).toString('base64')}\n`;
	});
	return Uint8Array.from(Buffer.from(head + tail.join(''), 'latin1'));
}

export const keyId = (name, key) => sha256(Buffer.from(name, 'latin1'), [0x0a, 0x06], key).subarray(0, 4);

export function cosignedMessage(name, time, origin, size, root) {
	const number = (value) => {
		const out = Buffer.alloc(8);
		out.writeBigUInt64BE(BigInt(value));
		return out;
	};
	const counted = (string) => concat([string.length], Buffer.from(string, 'latin1'));
	return concat(text('subtree/v1\n\0'), counted(name), number(time), counted(origin), number(0), number(size), root);
}
