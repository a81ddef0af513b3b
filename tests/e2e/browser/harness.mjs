// What the browser's tests share: browser, mock or node, waiting, and the list of tests.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startMock } from './mock.mjs';

const browserPath = process.env.CHROMIUM || '/usr/bin/chromium';
export const dist = process.env.DIST || fileURLToPath(new URL('../../../web/dist', import.meta.url));
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
export const WAIT_MS = 15_000;

export class Skip extends Error {}
const tests = [];
export const test = (name, run) => tests.push({ name, run });
export function check(condition, sentence) {
	if (!condition)
		throw new Error(sentence);
}
export async function eventually(what, condition, patience = WAIT_MS) {
	const end = Date.now() + patience;
	for (;;) {
		const value = await condition();
		if (value)
			return value;
		if (Date.now() > end)
			throw new Error(`waited ${patience / 1000} s in vain for: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}

if (!process.env.NODE_URL && !existsSync(join(dist, 'index.html'))) {
	console.log(`Bail out! ${dist} holds no page; build it with: npm ci && npm run build in web`);
	process.exit(1);
}
export const mock = process.env.NODE_URL ? null : await startMock({ dist });
export const base = (process.env.NODE_URL || mock.nodeUrl).replace(/\/$/, '');
export const onlyMock = () => {
	if (!mock)
		throw new Skip('needs the mock');
};
const profile = mkdtempSync(join(tmpdir(), 'tally-browser-'));
export const context = await chromium.launchPersistentContext(profile, { executablePath: browserPath, headless: true, args: flags, viewport: { width: 1280, height: 860 } });

// Everything that a page must never do, gathered over all tests.
export const complaints = [];
let tolerated = null;
// Until `tolerate(null)`, complaints of the browser that match are expected: a test breaks something on purpose.
export const tolerate = (pattern) => { tolerated = pattern; };
export function watch(page) {
	page.on('console', (message) => {
		if (message.type() === 'error' && !(tolerated && tolerated.test(message.text())))
			complaints.push(`console: ${message.text()}`);
	});
	page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
	page.on('request', (request) => {
		const { hostname, protocol } = new URL(request.url());
		if (protocol !== 'data:' && protocol !== 'blob:' && !allowedHosts.has(hostname))
			complaints.push(`request to another host: ${request.url()}`);
	});
}
const allowedHosts = new Set([new URL(base).hostname]);

export async function open(hash, width = 1280) {
	const page = await context.newPage();
	watch(page);
	await page.setViewportSize({ width, height: width < 600 ? 844 : 860 });
	await page.goto(`${base}/${hash}`);
	return page;
}
export const api = async (path, origin = base) => (await fetch(origin + path)).json();
export const node = await api('/api/v1/node');
export const floorUrl = node.floors[0]?.url;
for (const floor of node.floors)
	allowedHosts.add(new URL(floor.url).hostname);
// A machine with a model and bounds, the more signals the better.
export const machine = floorUrl ? (await api('/api/v1/floor', floorUrl)).machines.filter((m) => m.state === 'active' && m.bounds_version).sort((a, b) => b.signals.length - a.signals.length)
	.sort((a, b) => b.bounds_version - a.bounds_version)[0] : null;
export const needMachine = () => {
	if (!machine)
		throw new Skip('no gateway with a machine belongs to this node');
};
export const machineHash = () => '#/machine/' + encodeURIComponent(machine.device);
export const someStatement = async () => {
	for (const type of ['disturbance', 'anchor', 'device', 'org']) {
		const { statements } = await api(`/api/v1/statements?type=${type}&order=desc&limit=1`);
		if (statements.length)
			return statements[0];
	}
	throw new Skip('the log is empty');
};

export async function runAll(only) {
	let failed = 0, number = 0;
	const chosen = tests.filter((t) => !only || t.name.includes(only));
	console.log(`TAP version 13\n1..${chosen.length}`);
	for (const { name, run } of chosen) {
		number++;
		const began = Date.now();
		try {
			await run();
			console.log(`ok ${number} - ${name} # ${Date.now() - began} ms`);
		} catch (error) {
			if (error instanceof Skip) {
				console.log(`ok ${number} - ${name} # SKIP ${error.message}`);
			} else {
				failed++;
				console.log(`not ok ${number} - ${name}\n  ---\n  ${String(error.message).split('\n').slice(0, 6).join('\n  ')}\n  ...`);
			}
		}
	}
	await context.close();
	mock?.close();
	rmSync(profile, { recursive: true, force: true });
	return failed === 0;
}
