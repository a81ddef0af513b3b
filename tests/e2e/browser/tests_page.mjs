// What holds for every view: safety, width, keyboard, names, contrast, reconnection, a quiet console.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { base, check, complaints, context, dist, eventually, machine, machineHash, mock, needMachine, onlyMock, open, someStatement, test, tolerate, watch } from './harness.mjs';

test('texts from outside stay text', async () => {
	onlyMock();
	const evil = 'dev:manufacturer/<img src=x onerror="window.attacked=1">';
	for (const hash of ['#/', '#/alarms?tab=all', '#/ledger', '#/consortium', '#/lineage', '#/machine/' + encodeURIComponent(evil), '#/lineage/' + mock.story.alarms.find((a) => a.device === evil).id]) {
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
	tolerate(/503|ERR_/);
	mock.streams(false);
	const said = await eventually('a notice', async () => (await page.locator('.notice').count()) && page.locator('.notices').innerText());
	check(/is not heard/.test(said), `it says: ${said}`);
	mock.streams(true);
	await eventually('live again', async () => (await page.locator('.pill-live').count()) === 2 && (await page.locator('.notice').count()) === 0);
	tolerate(null);
	await page.close();
});

test('a page that nobody sees gives its streams back, and takes them again', async () => {
	onlyMock();
	const page = await context.newPage();
	watch(page);
	// A minute passes in half a second.
	await page.addInitScript(() => {
		const later = window.setTimeout;
		window.setTimeout = (run, ms, ...rest) => later(run, ms === 60_000 ? 500 : ms, ...rest);
	});
	await page.goto(`${base}/#/`);
	await eventually('live', async () => (await page.locator('.pill-live').count()) === 2);
	const see = (hidden) => page.evaluate((h) => {
		Object.defineProperty(document, 'hidden', { configurable: true, get: () => h });
		document.dispatchEvent(new Event('visibilitychange'));
	}, hidden);
	const open = mock.streamCount();
	await see(true);
	await eventually('two streams fewer', () => mock.streamCount() === open - 2);
	await page.waitForTimeout(2000);
	check(mock.streamCount() === open - 2, 'a hidden page connects again');
	await see(false);
	await eventually('live again', async () => (await page.locator('.pill-live').count()) === 2 && mock.streamCount() === open);
	await page.close();
});

test('served by a gateway alone, the floor is there and the ledger is told to be missing', async () => {
	onlyMock();
	tolerate(/404/);
	const page = await context.newPage();
	watch(page);
	await page.goto(`${mock.floorUrl}/#/`);
	await page.locator('.tile').first().waitFor();
	await page.goto(`${mock.floorUrl}/#/ledger`);
	await eventually('the sentence', async () => (await page.locator('main').innerText()).includes('no ledger of its own'));
	tolerate(null);
	await page.close();
});

test('no view is wider than a telephone of 390 px, nor than 1280 px', async () => {
	const statement = await someStatement();
	const views = ['#/', '#/alarms?tab=all', '#/ledger', '#/consortium', '#/lineage', '#/statement/' + statement.id, '#/lineage/' + statement.id, '#/lineage/' + statement.id + '?form=list'];
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
	const views = ['#/', '#/alarms?tab=all', '#/ledger', '#/consortium', ...(machine ? [machineHash()] : [])];
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
		for (const hash of ['#/', '#/alarms?tab=all', '#/ledger', '#/consortium', ...(machine ? [machineHash()] : [])]) {
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

test('the colours can be chosen, and the choice is kept', async () => {
	const page = await open('#/');
	await page.emulateMedia({ colorScheme: 'light' });
	await page.locator('.theme').waitFor();
	const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
	const light = await ground();
	await page.locator('.theme').click();
	await page.locator('.theme').click();
	check((await page.locator('.theme').innerText()).includes('dark'), 'two steps from auto are not dark');
	const dark = await ground();
	check(dark !== light, 'dark is not darker');
	await page.reload();
	await page.locator('.theme').waitFor();
	check((await ground()) === dark, 'the choice is lost by reloading');
	await page.locator('.theme').click();
	check((await ground()) === light, 'auto does not follow the system');
	await page.close();
});

test('the built page is three files under 150 kB, and names no other host', async () => {
	const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).map((f) => join(f.parentPath ?? f.path, f.name));
	check(files.length === 3, `the page has ${files.length} files: ${files.join(' ')}`);
	const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0);
	check(size < 150_000, `the page has ${size} bytes, compressed`);
	const html = readFileSync(join(dist, 'index.html'), 'utf8');
	check(/Content-Security-Policy/.test(html) && !/unsafe-/.test(html), 'the page has no strict policy');
	check(!/<script(?![^>]*src=)/.test(html), 'there is a script inside the page');
	check(!/(src|href)="(https?:)?\/\//.test(html), 'the page asks for something elsewhere');
});

test('no complaint in the console, no request to another host', async () => {
	check(complaints.length === 0, complaints.slice(0, 5).join(' | '));
});
