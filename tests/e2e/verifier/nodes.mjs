// Daemons of the built program, started and killed: a witness, a consortium of four nodes.
import { spawn } from 'node:child_process';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { appendFileSync, mkdirSync, openSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { keyId } from './forms.mjs';
import { folder, program, run } from './world.mjs';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export const freePort = () => new Promise((resolve) => {
	const server = createServer().listen(0, '127.0.0.1', () => {
		const { port } = server.address();
		server.close(() => resolve(port));
	});
});

export class Daemon {
	constructor(...words) {
		this.words = words;
		this.log = join(folder, `${words[0]}-${Math.random().toString(36).slice(2)}.log`);
	}
	start() {
		const log = openSync(this.log, 'a');
		this.child = spawn(program, this.words, { stdio: ['ignore', log, log] });
		running.add(this.child);
		this.ended = new Promise((resolve) => this.child.on('exit', (code, signal) => {
			running.delete(this.child);
			resolve(signal ?? code);
		}));
		return this;
	}
	async end(signal = 'SIGKILL') {
		this.child.kill(signal);
		return this.ended;
	}
	said() {
		return readFileSync(this.log, 'utf8');
	}
}

export async function ask(url, options) {
	const answer = await fetch(url, { redirect: 'manual', ...options });
	return { code: answer.status, type: answer.headers.get('content-type'), location: answer.headers.get('location'), retry: answer.headers.get('retry-after'),
		body: new Uint8Array(await answer.arrayBuffer()) };
}

export async function until(what, seconds, look) {
	let last;
	for (const end = Date.now() + 1000 * seconds; Date.now() < end; await pause(50)) {
		try {
			const found = await look();
			if (found)
				return found;
		} catch (error) {
			last = error;
		}
	}
	throw new Error(`${what} did not come within ${seconds} s${last ? `: ${last.message}` : ''}`);
}

export async function witness(name, genesis, { quorum = 0 } = {}) {
	const home = join(folder, `witness-${name.replaceAll('/', '-')}`), port = await freePort();
	mkdirSync(home, { recursive: true });
	writeFileSync(join(home, 'genesis.cbor'), genesis);
	writeFileSync(join(home, 'witness.ini'), `[witness]\nname = ${name}\nquorum = ${quorum}\n[http]\nlisten = 127.0.0.1:${port}\n`);
	const daemon = new Daemon('witness', '--config', join(home, 'witness.ini'));
	const { code, out, error } = run('witness', '--config', join(home, 'witness.ini'), '--vkey');
	if (code !== 0)
		throw new Error(error);
	return Object.assign(daemon, { home, url: `http://127.0.0.1:${port}`, vkey: out.trim(), key: Uint8Array.from(Buffer.from(out.trim().split('+').slice(2).join('+'), 'base64')).subarray(1) });
}

export const answers = (daemon) => until(`${daemon.words[0]} to answer`, 20, async () => (await ask(daemon.url)).code);

// A key file of the program: its seed.
export function keyIn(path) {
	const { secretKey, publicKey } = ml_dsa44.keygen(Uint8Array.from(Buffer.from(readFileSync(path, 'utf8').trim().split(' ')[1], 'base64')));
	return { public: publicKey, sign: (message) => ml_dsa44.sign(message, secretKey) };
}

// Four organisations with a node each, not started.
export async function cluster(names) {
	const nodes = [];
	for (const name of names) {
		const home = join(folder, `node-${name}`), http = await freePort(), wire = await freePort();
		const { code, error } = run('init', 'org', '--folder', home, '--id', `org:${name}`, '--role', 'supplier', '--address', `127.0.0.1:${wire}`, '--http', `127.0.0.1:${http}`);
		if (code !== 0)
			throw new Error(error);
		nodes.push(Object.assign(new Daemon('node', '--config', join(home, 'node.ini')), { home, name: `org:${name}`, url: `http://127.0.0.1:${http}` }));
	}
	const path = join(folder, 'cluster-genesis.cbor');
	const { code, error } = run('init', 'genesis', '--name', 'cluster', '--out', path, ...nodes.map(({ home }) => join(home, 'org.cose')));
	if (code !== 0)
		throw new Error(error);
	nodes.forEach(({ home }) => copyFileSync(path, join(home, 'genesis.cbor')));
	return { nodes, genesis: Uint8Array.from(readFileSync(path)) };
}

// Let a node send its checkpoints to these witnesses.
export function watchedBy(node, ...watchers) {
	const lines = watchers.map(({ url, vkey }, i) => {
		writeFileSync(join(node.home, 'keys', `witness-${i}.vkey`), `${vkey}\n`);
		return `url = ${url} keys/witness-${i}.vkey\n`;
	});
	appendFileSync(join(node.home, 'node.ini'), `\n[witness]\n${lines.join('')}`);
}

// Somebody who answers every request with what `reply` makes of it, as {code, type, text}.
export async function impostor(name, key, reply) {
	const asked = [];
	const server = createHttpServer((request, response) => {
		const parts = [];
		request.on('data', (part) => parts.push(part)).on('end', () => {
			const body = Buffer.concat(parts);
			asked.push(body);
			const { code, type = 'text/plain', text } = reply(body, asked.length);
			response.writeHead(code, { 'Content-Type': type }).end(text);
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	server.unref();
	const id = Buffer.from(keyId(name, key.public)).toString('hex');
	return { asked, url: `http://127.0.0.1:${server.address().port}`, vkey: `${name}+${id}+${Buffer.from([6, ...key.public]).toString('base64')}` };
}
