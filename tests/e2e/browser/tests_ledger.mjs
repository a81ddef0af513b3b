// Ledger, statements and lineage.
import { api, base, check, eventually, mock, node, onlyMock, open, someStatement, test, tolerate, WAIT_MS } from './harness.mjs';

test('lineage draws what was asked for at the left and organisations at the right', async () => {
	const statement = await someStatement();
	const page = await open(`#/lineage/${statement.id}?depth=0&all=yes`);
	const trace = await api(`/api/v1/trace/${statement.id}?depth=0`);
	await eventually('all nodes', async () => (await page.locator('.node').count()) === trace.nodes.length);
	const places = await page.locator('.node').evaluateAll((nodes) => nodes.map((n) => ({ id: n.dataset.id, left: parseFloat(n.style.left), org: n.classList.contains('node-org') })));
	const root = places.find((p) => p.id === statement.id);
	check(root && places.every((p) => p.left >= root.left), 'what was asked for is not at the left');
	check(places.every((p) => trace.nodes.some((n) => n.id === p.id)), 'a node is drawn that the trace does not have');
	check((await page.locator('.edge path').count()) >= places.length - 1, 'edges are missing');
	check(places.some((p) => p.org), 'no organisation is drawn');
	await page.locator('.node').last().click();
	await eventually('the chosen statement', async () => (await page.locator('.detail h2').count()) === 1);
	await eventually('proofs to download', async () => (await page.locator('.detail a[download]').count()) >= 2);
	await page.close();
});

test('the reading behind a disturbance is shown with its proof', async () => {
	onlyMock();
	const alarm = mock.story.alarms.find((a) => a.kind === 'drift' && a.device === 'dev:manufacturer/spindle-1');
	const page = await open('#/lineage/' + alarm.id);
	await page.getByRole('button', { name: 'Show reading' }).click();
	const text = await eventually('the reading', async () => (await page.locator('.proof dl').count()) && page.locator('.proof dl').innerText());
	check(text.includes('message 7710962924918931271'), `the message's number is not exact: ${text}`);
	check((await page.locator('.detail').innerText()).match(/7710962924918931271/g).length === 2, 'the body’s number is not exact');
	check(text.includes('8 hashes') && text.includes('°C') && text.includes('final'), `the reading says: ${text}`);
	await page.close();
});

test('the proof can be saved, and its absence is told', async () => {
	const statement = await someStatement();
	const page = await open('#/statement/' + statement.id);
	const save = page.getByRole('link', { name: 'Download bundle' });
	await save.waitFor();
	await eventually('a checkpoint that covers it', async () => (await api('/api/v1/node')).checkpoint.size > statement.index, 30_000);
	const waiting = page.waitForEvent('download', { timeout: WAIT_MS });
	await save.click();
	const name = (await waiting).suggestedFilename();
	check(name === statement.id.slice(0, 12) + '.bundle', `the file is called ${name}`);
	if (mock) {
		tolerate(/409/);
		const newest = mock.ledger.statements.at(-1);
		await page.goto(`${base}/#/statement/${newest.id}`);
		await eventually('its page', async () => (await page.locator('main').innerText()).includes(newest.id));
		if (mock.ledger.statements.at(-1) === newest) {
			await save.click();
			await eventually('the sentence', async () => (await page.locator('.proof .problem').count()) && /No checkpoint covers/.test(await page.locator('.proof .problem').innerText()));
		}
		tolerate(null);
	}
	await page.close();
});

test('ledger shows members, figures, anchors and live statements', async () => {
	const page = await open('#/ledger');
	await page.locator('.statements tbody tr').first().waitFor();
	const text = await page.locator('main').innerText();
	for (const member of node.members)
		check(text.includes(member.name), `member ${member.name} is missing`);
	check(/signed by \d+ of \d+/.test(text), 'the checkpoint’s signatures are missing');
	check(/Byzantine/.test(text) && text.includes(`${node.tolerance.may_lie} may lie, ${node.tolerance.may_be_away} may be away`), 'what the members bear is missing');
	if (mock) {
		const before = await page.locator('.statements tbody tr').first().innerText();
		await eventually('a newer statement', async () => (await page.locator('.statements tbody tr').first().innerText()) !== before);
	}
	await page.close();
});

test('the consortium is shown: members with keys, proposals with votes, epochs', async () => {
	const page = await open('#/ledger'), told = await api('/api/v1/members');
	await page.getByRole('link', { name: 'keys and proposals' }).click();
	const panel = (name) => page.getByRole('region', { name });
	await eventually('the members', async () => (await panel('Members of this epoch').locator('tbody tr').count()) === told.members.length);
	for (const [i, member] of told.members.entries()) {
		const row = await panel('Members of this epoch').locator('tbody tr').nth(i).innerText(), keys = await panel('Fingerprints of keys').locator('tbody tr').nth(i).innerText();
		check(row.includes(member.name) && /connected/.test(row) && /leads|late|lied/.test(row), `the row of ${member.name} says: ${row}`);
		check(['record', 'node', 'checkpoint', 'tls'].every((kind) => keys.includes(`${member.keys[kind].slice(0, 8)} ${member.keys[kind].slice(8, 16)}`)), `the keys of ${member.name} are: ${keys}`);
	}
	check((await panel('Epochs').locator('tbody tr').count()) === Math.min(10, told.epochs.length), 'the epochs are not all there');
	check((await panel('Epochs').locator('tbody tr').first().innerText()).includes(String(told.epoch)), 'the newest epoch is not the first');
	if (mock) {
		const [add, remove] = await panel('Open proposals').locator('tbody tr').allInnerTexts();
		check(/add coating\s+manufacturer\s+2: manufacturer, supplier\s+1: regulator\s+1 more/.test(add), `the first proposal says: ${add}`);
		check(/^remove/.test(remove) && /1: repair\s+0\s+2 more/.test(remove), `the second proposal says: ${remove}`);
		const missing = await panel('Members of this epoch').locator('tbody tr').nth(3).innerText();
		check(/not connected\s+340 rounds\s+▲\snot now: late\s+epoch 1/.test(missing), `who is away is told so: ${missing}`);
		const [leader, , liar] = await panel('Members of this epoch').locator('tbody tr').allInnerTexts();
		check(/●\sleads/.test(leader) && /✕\sno: it lied/.test(liar), `who leads is told so: ${leader} ${liar}`);
		const [newest, older, first] = await panel('Epochs').locator('tbody tr').allInnerTexts();
		check(/new keys of supplier/.test(newest) && /not signed yet/.test(newest) && /regulator joined/.test(older) && /✓ signed/.test(older) && /founded/.test(first), `the epochs say: ${newest} ${older} ${first}`);
		check(/3 of 4\s+1 may be away/.test(await page.getByLabel('Figures of the consortium').innerText()), 'the figures do not tell who is there');
	}
	await page.close();
});

test('the consortium page follows a new epoch, and tells when the node is behind', async () => {
	onlyMock();
	const { consortium } = mock, before = { ...consortium };
	const page = await open('#/consortium', 390), epochs = page.getByRole('region', { name: 'Epochs' });
	await epochs.locator('tbody tr').nth(2).waitFor();
	const closing = { ...consortium.epochs[0], signed: true };
	const passed = Array.from({ length: 10 }, (_, i) => ({ ...closing, number: 12 - i, rotated: [] }));
	consortium.proposals = [];
	consortium.epochs = [{ ...passed[0], left: ['org:repair'] }, ...passed.slice(1), closing, ...consortium.epochs.slice(1)];
	consortium.ahead = 13;
	await eventually('the new epoch', async () => /repair left/.test(await epochs.locator('tbody tr').first().innerText()), 9000);
	check((await epochs.locator('tbody tr').count()) === 10, 'more than ten epochs are shown at once');
	check(/the same members/.test(await epochs.locator('tbody tr').nth(1).innerText()), 'an epoch that ended by weight does not say so');
	await epochs.getByRole('button', { name: 'Show older ones' }).click();
	check((await epochs.locator('tbody tr').count()) === 13, 'the older epochs are not shown');
	check(/No change of members/.test(await page.getByRole('region', { name: 'Open proposals' }).innerText()), 'that nothing is proposed is not told');
	await eventually('the notice', async () => /epoch 13: this node is catching up/.test(await page.locator('main').innerText()));
	Object.assign(consortium, before);
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
