// Drives the built dashboard with Chromium: `node test.mjs`, TAP on standard output.
// NODE_URL=http://host:port takes a running node instead of the mock; what only the mock can promise is then skipped.
// CHROMIUM=path names another browser. DIST=folder names another build of the page.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startMock } from './mock.mjs';

const browserPath = process.env.CHROMIUM || '/usr/bin/chromium';
const dist = process.env.DIST || fileURLToPath(new URL('../../../web/dist', import.meta.url));
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const WAIT_MS = 15_000;

class Skip extends Error {}
const tests = [];
const test = (name, run) => tests.push({ name, run });
function check(condition, sentence) {
	if (!condition)
		throw new Error(sentence);
}
async function eventually(what, condition) {
	const end = Date.now() + WAIT_MS;
	for (;;) {
		const value = await condition();
		if (value)
			return value;
		if (Date.now() > end)
			throw new Error(`waited ${WAIT_MS / 1000} s in vain for: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}

if (!process.env.NODE_URL && !existsSync(join(dist, 'index.html'))) {
	console.log(`Bail out! ${dist} holds no page; build it with: npm ci && npm run build in web`);
	process.exit(1);
}
const mock = process.env.NODE_URL ? null : await startMock({ dist });
const base = (process.env.NODE_URL || mock.nodeUrl).replace(/\/$/, '');
const onlyMock = () => {
	if (!mock)
		throw new Skip('needs the mock');
};
const profile = mkdtempSync(join(tmpdir(), 'tally-browser-'));
const context = await chromium.launchPersistentContext(profile, { executablePath: browserPath, headless: true, args: flags, viewport: { width: 1280, height: 860 } });

// Everything that a page must never do, gathered over all tests.
const complaints = [];
let tolerated = null;
function watch(page) {
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

async function open(hash, width = 1280) {
	const page = await context.newPage();
	watch(page);
	await page.setViewportSize({ width, height: width < 600 ? 844 : 860 });
	await page.goto(`${base}/${hash}`);
	return page;
}
const api = async (path, origin = base) => (await fetch(origin + path)).json();
const node = await api('/api/v1/node');
const floorUrl = node.floors[0]?.url;
for (const floor of node.floors)
	allowedHosts.add(new URL(floor.url).hostname);
// A machine with a model and bounds, the more signals the better.
const machine = floorUrl ? (await api('/api/v1/floor', floorUrl)).machines.filter((m) => m.state === 'active' && m.bounds_version).sort((a, b) => b.signals.length - a.signals.length)
	.sort((a, b) => b.bounds_version - a.bounds_version)[0] : null;
const needMachine = () => {
	if (!machine)
		throw new Skip('no gateway with a machine belongs to this node');
};
const machineHash = () => '#/machine/' + encodeURIComponent(machine.device);
const someStatement = async () => {
	for (const type of ['disturbance', 'anchor', 'device', 'org']) {
		const { statements } = await api(`/api/v1/statements?type=${type}&order=desc&limit=1`);
		if (statements.length)
			return statements[0];
	}
	throw new Skip('the log is empty');
};

// Pixels that are not as the ground of the canvas.
const inkOf = (page, selector) => page.evaluate((s) => {
	const canvas = document.querySelector(s);
	if (!canvas || !canvas.width) return 0;
	const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
	let ink = 0;
	for (let i = 3; i < data.length; i += 4)
		ink += data[i] > 0 ? 1 : 0;
	return ink;
}, selector);

test('overview shows every machine of the floor', async () => {
	needMachine();
	const page = await open('#/');
	const { machines } = await api('/api/v1/floor', floorUrl);
	await eventually(`${machines.length} tiles`, async () => (await page.locator('.tile').count()) >= machines.length);
	const shown = await page.locator('.tile').evaluateAll((tiles) => tiles.map((t) => t.dataset.device));
	for (const one of machines)
		check(shown.includes(one.device), `no tile for ${one.device}`);
	await page.close();
});

test('tiles say health, remaining life, versions and staleness', async () => {
	onlyMock();
	const page = await open('#/');
	const spindle = page.locator('.tile[data-device="dev:manufacturer/spindle-1"]');
	await spindle.waitFor();
	const text = await spindle.innerText();
	for (const word of ['fault', '0.41', '90 min', 'bounds v3', 'model v1', 'high', 'drift'])
		check(text.includes(word), `the tile of spindle-1 lacks "${word}": ${text}`);
	check((await page.locator('.tile[data-device="dev:manufacturer/door-1"]').innerText()).includes('stale'), 'door-1 is silent, and its tile does not say stale');
	check((await page.locator('.tile[data-device="dev:manufacturer/camera-9"]').innerText()).includes('revoked'), 'camera-9 is revoked, and its tile does not say so');
	check((await page.locator('.age-late').count()) > 0, 'no cell of the age strips is marked');
	await page.close();
});

test('machine page draws trends and names the version of the bounds', async () => {
	needMachine();
	const page = await open(machineHash() + '?range=10m');
	await page.locator('.chart canvas').first().waitFor();
	const ink = await eventually('ink on the first canvas', async () => (await inkOf(page, '.chart canvas')) > 2000 && inkOf(page, '.chart canvas'));
	check(ink > 2000, `the canvas has only ${ink} pixels of ink`);
	const text = await page.locator('.bounds-version').innerText();
	check(text === `bounds v${machine.bounds_version}`, `"${text}" is not the version of the bounds (${machine.bounds_version})`);
	await page.close();
});

test('an empty trend has no measured line, so ink is no accident', async () => {
	onlyMock();
	const line = (page) => page.evaluate(() => {
		const canvas = document.querySelector('.chart[data-signal="bearing_temperature"] canvas'), probe = document.createElement('i');
		probe.style.color = 'var(--trend)';
		document.body.append(probe);
		const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
		probe.remove();
		if (!canvas || !canvas.width) return -1;
		const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
		let near = 0;
		for (let i = 0; i < data.length; i += 4)
			near += data[i + 3] > 200 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 40 ? 1 : 0;
		return near;
	});
	const at = '#/machine/' + encodeURIComponent('dev:manufacturer/spindle-1') + '?signals=bearing_temperature';
	const full = await open(at + '&range=10m');
	await eventually('the measured line', async () => (await line(full)) > 300);
	await full.close();
	const empty = await open(at + '&from=1000000000000&to=1000000600000');
	await empty.locator('.chart canvas').first().waitFor();
	await empty.waitForTimeout(1000);
	check((await line(empty)) < 50, 'there is a measured line in a year without measurements');
	await empty.close();
});

test('trends move on live, stop when paused, and go on', async () => {
	onlyMock();
	const page = await open('#/machine/' + encodeURIComponent('dev:manufacturer/spindle-1') + '?signals=vibration&range=2m');
	await eventually('ink', async () => (await inkOf(page, '.chart canvas')) > 2000);
	const picture = () => page.evaluate(() => document.querySelector('.chart canvas').toDataURL());
	const first = await picture();
	await eventually('another picture', async () => (await picture()) !== first);
	await page.getByRole('button', { name: /Pause/ }).click();
	await page.waitForTimeout(700);
	const held = await picture();
	await page.waitForTimeout(1500);
	check((await picture()) === held, 'the chart moved although it is paused');
	await page.getByRole('button', { name: /Resume/ }).click();
	await eventually('movement after resuming', async () => (await picture()) !== held);
	await page.close();
});

test('markers stand on the trend and lead to the lineage of their statement', async () => {
	onlyMock();
	const page = await open('#/machine/' + encodeURIComponent('dev:manufacturer/spindle-1') + '?signals=bearing_temperature&range=1h');
	const marker = page.locator('a.marker-disturbance').first();
	await marker.waitFor();
	await marker.hover();
	check((await marker.locator('.tip').innerText()).includes('machine fault'), 'the tooltip does not say what happened');
	const statement = mock.story.markers.find((m) => m.kind === 'disturbance' && m.device === 'dev:manufacturer/spindle-1').statement;
	await marker.click();
	await eventually('the lineage page', async () => page.url().endsWith('#/lineage/' + statement));
	await page.close();
});

test('what is shown can be saved as CSV', async () => {
	needMachine();
	const page = await open(machineHash() + '?range=2m');
	await eventually('ink', async () => (await inkOf(page, '.chart canvas')) > 2000);
	const waiting = page.waitForEvent('download', { timeout: WAIT_MS });
	await page.getByRole('button', { name: 'CSV' }).click();
	const stream = await (await waiting).createReadStream();
	let text = '';
	for await (const part of stream)
		text += part;
	const lines = text.trimEnd().split('\r\n');
	check(lines[0].startsWith('device,signal,time,time_ms,value,unit,predicted'), `the first line is ${lines[0]}`);
	check(lines.length > 20, `only ${lines.length} lines`);
	check(lines.every((line) => line.includes(',') && line.length > 10), 'a line is empty');
	await page.close();
});

test('an alarm is acknowledged by a person with a comment', async () => {
	onlyMock();
	const page = await open('#/alarms');
	const alarm = mock.story.alarms.find((a) => a.state === 'unack_active' && a.device === 'dev:manufacturer/spindle-1');
	const row = page.locator(`tr[data-alarm="${alarm.id}"]`);
	await row.getByRole('button', { name: 'Acknowledge' }).click();
	await page.locator('dialog select').selectOption('person:manufacturer/inspector-1');
	await page.locator('dialog textarea').fill('heard it, maintenance is booked');
	await page.locator('dialog button.primary').click();
	await page.locator('dialog').waitFor({ state: 'detached', timeout: WAIT_MS });
	const text = await eventually('the changed row', async () => (await row.innerText()).includes('active, acknowledged') && row.innerText());
	check(text.includes('inspector-1') && text.includes('maintenance is booked'), `the row does not name person and comment: ${text}`);
	check((await row.getByRole('button', { name: 'Acknowledge' }).count()) === 0, 'an acknowledged alarm can be acknowledged again');
	check(alarm.acked_by === 'person:manufacturer/inspector-1', 'the request did not reach the gateway');
	await page.close();
});

test('a refused acknowledgement is told as a sentence', async () => {
	onlyMock();
	const page = await open('#/alarms');
	const alarm = mock.story.alarms.find((a) => a.state === 'unack_cleared');
	const row = page.locator(`tr[data-alarm="${alarm.id}"]`);
	await row.getByRole('button', { name: 'Acknowledge' }).click();
	Object.assign(alarm, { acked_ms: Date.now(), acked_by: 'person:manufacturer/engineer-1', comment: '' });
	tolerated = /409/;
	await page.locator('dialog button.primary').click();
	const said = await eventually('the sentence', async () => (await page.locator('dialog .problem').count()) && page.locator('dialog .problem').innerText());
	tolerated = null;
	check(said.includes('acknowledged already, by person:manufacturer/engineer-1.'), `it says: ${said}`);
	await page.close();
});

test('a new alarm appears without reloading', async () => {
	onlyMock();
	const page = await open('#/alarms');
	await page.locator('tr[data-alarm]').first().waitFor();
	const id = mock.raise();
	await eventually('the new row', async () => (await page.locator(`tr[data-alarm="${id}"]`).count()) === 1);
	await page.close();
});

test('lineage draws what was asked for at the left and organisations at the right', async () => {
	const statement = await someStatement();
	const page = await open('#/lineage/' + statement.id);
	await eventually('nodes', async () => (await page.locator('.node').count()) > (statement.type === 'org' ? 0 : 1));
	const trace = await api(`/api/v1/trace/${statement.id}?depth=4`);
	const places = await page.locator('.node').evaluateAll((nodes) => nodes.map((n) => ({ id: n.dataset.id, left: parseFloat(n.style.left), org: n.classList.contains('node-org') })));
	const root = places.find((p) => p.id === statement.id);
	check(root && places.every((p) => p.left >= root.left), 'what was asked for is not at the left');
	check(places.every((p) => trace.nodes.some((n) => n.id === p.id)), 'a node is drawn that the trace does not have');
	check((await page.locator('.edge path').count()) >= places.length - 1, 'edges are missing');
	check(places.some((p) => p.org), 'no organisation is drawn');
	await page.locator('.node').last().click();
	await eventually('the chosen statement', async () => (await page.locator('.detail h2').count()) === 1);
	check((await page.locator('.detail a[download]').count()) >= 2, 'no proof can be downloaded');
	await page.close();
});

test('the reading behind a disturbance is shown with its proof', async () => {
	onlyMock();
	const alarm = mock.story.alarms.find((a) => a.kind === 'drift' && a.device === 'dev:manufacturer/spindle-1');
	const page = await open('#/lineage/' + alarm.id);
	await page.getByRole('button', { name: 'Show reading' }).click();
	const text = await eventually('the reading', async () => (await page.locator('.proof dl').count()) && page.locator('.proof dl').innerText());
	check(text.includes('8 hashes') && text.includes('°C') && text.includes('final'), `the reading says: ${text}`);
	await page.close();
});

test('ledger shows members, figures, anchors and live statements', async () => {
	const page = await open('#/ledger');
	await page.locator('.statements tbody tr').first().waitFor();
	const text = await page.locator('main').innerText();
	for (const member of node.members)
		check(text.includes(member.name), `member ${member.name} is missing`);
	check(/signed by \d+ of \d+/.test(text), 'the checkpoint’s signatures are missing');
	if (mock) {
		const before = await page.locator('.statements tbody tr').first().innerText();
		await eventually('a newer statement', async () => (await page.locator('.statements tbody tr').first().innerText()) !== before);
	}
	await page.close();
});

test('a statement is found by the beginning of its id', async () => {
	const statement = await someStatement();
	const page = await open('#/ledger');
	await page.locator('#search-id').fill(statement.id.slice(0, 16));
	await page.getByRole('button', { name: 'Find' }).click();
	await eventually('its page', async () => page.url().endsWith('#/statement/' + statement.id));
	await eventually('its body', async () => (await page.locator('dl.body').count()) >= 2);
	await page.goto(`${base}/#/ledger`);
	await page.locator('#search-id').fill('not an id');
	await page.getByRole('button', { name: 'Find' }).click();
	check((await page.locator('.search .problem').innerText()).includes('hexadecimal'), 'nonsense is not refused with a sentence');
	await page.close();
});

test('texts from outside stay text', async () => {
	onlyMock();
	const evil = 'dev:manufacturer/<img src=x onerror="window.attacked=1">';
	for (const hash of ['#/', '#/alarms?tab=all', '#/ledger', '#/lineage', '#/machine/' + encodeURIComponent(evil), '#/lineage/' + mock.story.alarms.find((a) => a.device === evil).id]) {
		const page = await open(hash);
		await eventually(`the hostile name in ${hash}`, async () => (await page.locator('main').innerText()).includes('<img src=x'));
		await page.waitForTimeout(300);
		check((await page.evaluate(() => window.attacked)) === undefined, `script ran in ${hash}`);
		check((await page.locator('main img, main script, main b:text-is("bold")').count()) === 0, `markup from outside in ${hash}`);
		await page.close();
	}
});

test('a lost gateway is told, and found again by itself', async () => {
	onlyMock();
	const page = await open('#/');
	await eventually('live', async () => (await page.locator('.pill-live').count()) === 2);
	tolerated = /503|ERR_/;
	mock.streams(false);
	const said = await eventually('a notice', async () => (await page.locator('.notice').count()) && page.locator('.notices').innerText());
	check(/is not heard/.test(said), `it says: ${said}`);
	mock.streams(true);
	await eventually('live again', async () => (await page.locator('.pill-live').count()) === 2 && (await page.locator('.notice').count()) === 0);
	tolerated = null;
	await page.close();
});

test('served by a gateway alone, the floor is there and the ledger is told to be missing', async () => {
	onlyMock();
	tolerated = /404/;
	const page = await context.newPage();
	watch(page);
	await page.goto(`${mock.floorUrl}/#/`);
	await page.locator('.tile').first().waitFor();
	await page.goto(`${mock.floorUrl}/#/ledger`);
	await eventually('the sentence', async () => (await page.locator('main').innerText()).includes('no ledger of its own'));
	tolerated = null;
	await page.close();
});

test('no view is wider than a telephone of 390 px, nor than 1280 px', async () => {
	const statement = await someStatement();
	const views = ['#/', '#/alarms?tab=all', '#/ledger', '#/lineage', '#/statement/' + statement.id, '#/lineage/' + statement.id, '#/lineage/' + statement.id + '?form=list'];
	if (machine)
		views.push(machineHash());
	for (const width of [390, 1280]) {
		for (const hash of views) {
			const page = await open(hash, width);
			await eventually('content', async () => (await page.locator('main').innerText()).length > 40);
			await page.waitForTimeout(700);
			const found = await page.evaluate(() => document.scrollingElement.scrollWidth);
			check(found <= width, `${hash} is ${found} px wide at ${width} px`);
			await page.close();
		}
	}
});

test('works by keyboard: skip link, views, a tile', async () => {
	needMachine();
	const page = await open('#/');
	await page.locator('.tile').first().waitFor();
	await page.keyboard.press('Tab');
	check((await page.evaluate(() => document.activeElement.className)) === 'skip', 'the first stop is not the skip link');
	await page.keyboard.press('Enter');
	check((await page.evaluate(() => document.activeElement.id)) === 'main', 'the skip link does not lead to the content');
	for (let i = 0; i < 6 && !(await page.evaluate(() => document.activeElement.classList.contains('tile'))); i++)
		await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	await eventually('the machine page', async () => page.url().includes('#/machine/'));
	await page.close();
});

test('everything that can be used has a name', async () => {
	const views = ['#/', '#/alarms?tab=all', '#/ledger', ...(machine ? [machineHash()] : [])];
	for (const hash of views) {
		const page = await open(hash);
		await eventually('content', async () => (await page.locator('main').innerText()).length > 40);
		await page.waitForTimeout(500);
		const nameless = await page.evaluate(() => [...document.querySelectorAll('button, a, input, select, textarea, [role=img]')]
			.filter((e) => !(e.getAttribute('aria-label') || e.innerText?.trim() || e.labels?.length || e.title)).map((e) => e.outerHTML.slice(0, 90)));
		check(nameless.length === 0, `${hash}: ${nameless.join(' ')}`);
		await page.close();
	}
});

// WCAG 2: 4.5 to 1 for text, in both colour schemes.
test('text has enough contrast, light and dark', async () => {
	for (const scheme of ['light', 'dark']) {
		for (const hash of ['#/', '#/alarms?tab=all', '#/ledger', ...(machine ? [machineHash()] : [])]) {
			const page = await open(hash);
			await page.emulateMedia({ colorScheme: scheme });
			await eventually('content', async () => (await page.locator('main').innerText()).length > 40);
			await page.waitForTimeout(500);
			const poor = await page.evaluate(() => {
				const parse = (text) => {
					const numbers = text.match(/[\d.]+/g).map(Number);
					return /^color\(srgb/.test(text) ? [...numbers.slice(0, 3).map((n) => n * 255), numbers[3] ?? 1] : [...numbers.slice(0, 3), numbers[3] ?? 1];
				};
				const light = (rgb) => {
					const [r, g, b] = rgb.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
					return 0.2126 * r + 0.7152 * g + 0.0722 * b;
				};
				const ground = (element) => {
					for (let e = element; e; e = e.parentElement) {
						const [r, g, b, a] = parse(getComputedStyle(e).backgroundColor);
						if (a === 1) return [r, g, b];
					}
					return parse(getComputedStyle(document.documentElement).backgroundColor).slice(0, 3);
				};
				const out = [];
				for (const element of document.querySelectorAll('body *')) {
					const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
					if (!own || !element.checkVisibility() || element.closest('svg, .hidden, .skip, :disabled, option, noscript')) continue;
					let opacity = 1;
					for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
					const back = ground(element), fore = parse(getComputedStyle(element).color).slice(0, 3).map((v, i) => v * opacity + back[i] * (1 - opacity));
					const [a, b] = [light(fore), light(back)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
					if (ratio < 4.5) out.push(`${ratio.toFixed(2)} "${element.innerText.slice(0, 30)}" (${element.className})`);
				}
				return [...new Set(out)].slice(0, 5);
			});
			check(poor.length === 0, `${scheme} ${hash}: ${poor.join('; ')}`);
			await page.close();
		}
	}
});

test('no complaint in the console, no request to another host', async () => {
	check(complaints.length === 0, complaints.slice(0, 5).join(' | '));
});

const only = process.argv[2];
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
process.exit(failed ? 1 : 0);
