// Shop floor, machine page and alarms.
import { api, check, eventually, floorUrl, machine, machineHash, mock, needMachine, onlyMock, open, test, tolerate, WAIT_MS } from './harness.mjs';

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

// A signal that a model follows.
const modelled = () => machine.signals.find((s) => s.sigma !== null)?.id;

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
	needMachine();
	const page = await open(`${machineHash()}?signals=${modelled()}&range=2m`);
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

test('dragging across a chart looks closer, and its address brings the same view back', async () => {
	needMachine();
	const page = await open(`${machineHash()}?signals=${modelled()}&range=1h`);
	await eventually('ink', async () => (await inkOf(page, '.chart canvas')) > 2000);
	const box = await page.locator('.chart .u-over').first().boundingBox();
	await page.mouse.move(box.x + box.width * 0.25, box.y + 60);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * 0.5, box.y + 70, { steps: 5 });
	await page.mouse.up();
	await eventually('a held time in the address', async () => /from=\d+&to=\d+/.test(page.url()));
	const [, from, to] = /from=(\d+)&to=(\d+)/.exec(page.url()).map(Number);
	check(Math.abs(to - from - 900_000) < 60_000, `a quarter of an hour was chosen, ${(to - from) / 1000} s are shown`);
	const again = await open(page.url().slice(page.url().indexOf('#')));
	await eventually('the held note', async () => (await again.locator('.toolbar-note').innerText()).startsWith('held:'));
	check((await again.locator('.chart').count()) === 1, 'other signals than those of the address are shown');
	check(again.url() === page.url(), `${again.url()} is not ${page.url()}`);
	await again.getByRole('button', { name: /Resume/ }).click();
	await eventually('the range in the address', async () => again.url().includes('range=1'));
	await again.close();
	await page.close();
});

test('the head of a chart tells the sample under the cursor', async () => {
	needMachine();
	const page = await open(`${machineHash()}?signals=${modelled()}&range=2m`);
	await eventually('ink', async () => (await inkOf(page, '.chart canvas')) > 2000);
	await page.locator('.chart .u-over').first().hover({ position: { x: 400, y: 60 } });
	const text = await eventually('a time', async () => /at \d\d:\d\d:\d\d/.test(await page.locator('.figures').innerText()) && page.locator('.figures').innerText());
	check(text.includes('predicted') && text.includes('σ'), `it says: ${text}`);
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
	tolerate(/409/);
	await page.locator('dialog button.primary').click();
	const said = await eventually('the sentence', async () => (await page.locator('dialog .problem').count()) && page.locator('dialog .problem').innerText());
	tolerate(null);
	check(said.includes('acknowledged already, by person:manufacturer/engineer-1.'), `it says: ${said}`);
	await page.close();
});

test('a new alarm appears without reloading', async () => {
	onlyMock();
	const page = await open('#/alarms');
	await page.locator('tr[data-alarm]').first().waitFor();
	await eventually('live', async () => (await page.locator('.pill-live').count()) === 2);
	await page.waitForTimeout(1000); // what is asked for at the start is answered
	const id = mock.raise();
	// Sooner than the page asks for all alarms again, so it must have come by the stream.
	await eventually('the new row', async () => (await page.locator(`tr[data-alarm="${id}"]`).count()) === 1, 6000);
	await page.close();
});
