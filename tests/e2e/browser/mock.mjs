// A node and a gateway that answer docs/api.md with plausible moving data: the fixture of the browser test, and what
// the dashboard is developed against. Nothing is signed or stored. `node mock.mjs [node port] [floor port]`.
import { createServer } from 'node:http';
import { createReadStream, existsSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ledger, hash } from './mock_ledger.mjs';
import { Story, gateway, longSeq, people, site } from './mock_story.mjs';
import { machineJson, newest, sample, series, world } from './mock_world.mjs';

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
const common = { 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff', 'Access-Control-Allow-Origin': '*' };

function json(response, code, value) {
	response.writeHead(code, { ...common, 'Content-Type': 'application/json' });
	response.end(JSON.stringify(value).replaceAll(`"${longSeq}"`, longSeq));
}
const fail = (response, code, error, reason) => json(response, code, { error, reason });

function page(response, dist, path) {
	const file = join(dist, normalize(path === '/' ? '/index.html' : path));
	if (!file.startsWith(dist) || !existsSync(file) || !types[extname(file)])
		return fail(response, 404, 'not_found', 'there is nothing at this address');
	response.writeHead(200, { ...common, 'Content-Type': types[extname(file)] });
	createReadStream(file).pipe(response);
}

class Streams {
	open = new Set();
	add(response) {
		response.writeHead(200, { ...common, 'Content-Type': 'text/event-stream' });
		response.write(':\n\n');
		this.open.add(response);
		response.on('close', () => this.open.delete(response));
	}
	send(event, data) {
		for (const response of this.open)
			response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
	}
	drop() {
		for (const response of this.open)
			response.destroy();
	}
}

function listen(server, port) {
	return new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server.address().port)));
}

export async function startMock({ nodePort = 0, floorPort = 0, dist, lively = false } = {}) {
	const began = Date.now(), ledger = new Ledger(), machines = world(began), story = new Story(ledger, machines, began);
	const nodeStreams = new Streams(), floorStreams = new Streams();
	const refused = { unregistered: 3, revoked: 8, forged: 12, replay: 2, malformed: 5, waiting: 0 };
	let silent = false, floorUrl = '', commits = 3120;

	const founders = story.orgs.slice(0, 3).map((org) => org.iss), orgs = story.orgs.map((org) => org.iss);
	const epoch = (number, members, minutes, change) => ({ number, digest: hash('epoch' + number), members: members.length, log_size: number ? 4 + 6 * number : 0, time_ms: began - minutes * 60_000, signed: true, joined: [], left: [], rotated: [], ...change });
	const consortium = {
		ahead: 0,
		proposals: [{ id: ledger.statements[0].id, change: 'add', organisation: 'org:coating', proposer: 'org:manufacturer', index: 31, yes: 2, no: 1, needed: 3,
			votes: [{ iss: 'org:manufacturer', yes: true }, { iss: 'org:supplier', yes: true }, { iss: 'org:regulator', yes: false }] },
		{ id: ledger.statements[1].id, change: 'remove', organisation: 'org:<img src=x onerror="window.attacked=1">', proposer: 'org:repair', index: 33, yes: 1, no: 0, needed: 3, votes: [{ iss: 'org:repair', yes: true }] }],
		epochs: [epoch(2, orgs, 19, { rotated: ['org:supplier'], signed: false }), epoch(1, orgs, 44, { joined: ['org:regulator'] }), epoch(0, founders, 62)],
	};
	const membersJson = () => ({ epoch: consortium.epochs[0].number, quorum: 3, ...consortium, members: node().members.map(({ round, ...m }) => ({ ...m, seat: m.index, standing: ['leads', 'leads', 'lied', 'late'][m.index], since_epoch: founders.includes(m.iss) ? 0 : 1,
		keys: Object.fromEntries(['record', 'node', 'checkpoint', 'tls', 'root'].map((kind) => [kind, hash(kind + m.iss)])) })) });

	const byType = () => Object.fromEntries(['org', 'person', 'device', 'event', 'anchor', 'model', 'bounds', 'device_state', 'disturbance', 'service', 'command', 'result', 'critical', 'ack']
		.map((type) => [type, ledger.statements.filter((s) => s.type === type).length]));
	function node() {
		const now = Date.now(), round = 48_000 + Math.floor((now - began) / 90);
		return { org: 'org:manufacturer', role: 'manufacturer', member: 0, network: hash('network').slice(0, 32), genesis: hash('genesis'), epoch: consortium.epochs[0].number, epoch_cost: 48_210_944, epochs_ahead: consortium.ahead, uptime_s: 3725 + (now - began) / 1000, round, highest_round: round,
			decided_round: round - 3, commits: commits + Math.floor((now - began) / 200), skipped: 14, leader_timeouts: 9, equivocations: 0, log_size: ledger.statements.length, log_root: hash('root' + ledger.statements.length),
			refused: 2, readings: 1_204_310 + (ledger.statements.length - 80) * 210, anchors: byType().anchor, by_type: byType(), finality_ms: { p50: 212.4, p99: 388.1, count: ledger.statements.length },
			checkpoint: { size: ledger.statements.length - 1, lines: 3 }, members: story.orgs.map((org) => ({ ...org, connected: org.index !== 3, round: org.index === 3 ? round - 340 : round - org.index, self: org.index === 0 })),
			tolerance: { mode: 'byzantine', may_lie: 1, may_be_away: 1, must_sign: 2 }, floors: [{ gateway, url: floorUrl }], pending: 1, resident_kb: 61_440, profile: { signature_checks: 9120, signature_ns: 930e6, cpu_ns: 81e9 } };
	}
	const active = (m) => story.alarms.filter((a) => a.device === m.device && a.cleared_ms === null);
	function totals() {
		const samples = 1_204_980 + Math.floor((Date.now() - began) / 9);
		return { gateway, site, time_ms: Date.now(), node_connected: true, broker_connected: true, caught_up: true, totals: { messages: Math.floor(samples / 4.4), samples,
			flagged: { missing: 41, not_a_number: 0, unit: 6, range: 0, stuck: 118, late: 12, duplicate: 3, future: 0, malformed: 5 }, refused, repeated: 17, chunks: byType().anchor, chunk_bytes: 9_870_211,
			chunk_samples: samples - 300, anchored: samples - 640, statements: ledger.statements.length, refused_statements: 0, outbox: 2 }, alarm_us: { p50: 812, p99: 2310, count: 1 }, cpu_ns: 31e9 };
	}
	function live() {
		const now = Date.now();
		return { time_ms: now, machines: machines.map((m) => {
			const t = newest(m, now);
			return { device: m.device, health: m.health, t, values: Object.fromEntries(m.signals.map((s, i) => {
				const one = sample(m, i, t);
				return [s.id, [one.value, one.predicted, now - t, one.flagged === 1 ? 'bad' : one.flagged ? 'uncertain' : 'good']];
			})) };
		}) };
	}
	function acknowledge(response, id, text) {
		let body;
		try { body = JSON.parse(text); } catch { body = null; }
		const alarm = story.alarms.find((a) => a.id === id);
		if (!alarm) return fail(response, 404, 'not_found', 'there is no alarm of this id');
		if (!body || !people.includes(body.person)) return fail(response, 403, 'unknown', 'this person is not registered on the ledger');
		if (alarm.acked_ms) return fail(response, 409, 'duplicate', 'the alarm is acknowledged already, by ' + alarm.acked_by);
		const now = Date.now();
		const statement = ledger.add('ack', gateway, alarm.device, { target: id, person: body.person, comment: body.comment || '', time_ns: now * 1e6 }, [id], now);
		Object.assign(alarm, { acked_ms: now, acked_by: body.person, comment: body.comment || '', state: alarm.cleared_ms ? 'cleared' : 'acked_active' });
		json(response, 202, { statement });
		setTimeout(() => floorStreams.send('alarm', alarm), 150);
	}
	function reading(response, query) {
		const chunk = query.get('chunk'), leaf = Number(query.get('leaf')), m = machines[0];
		const anchor = ledger.statements.findLast((s) => s.type === 'anchor' && s.body.chunk === chunk);
		if (!anchor) return fail(response, 404, 'not_found', 'no chunk of this name is kept here');
		const t = newest(m, anchor.commit_ms), one = sample(m, 3, t);
		json(response, 200, { device: m.device, signal: 'bearing_temperature', seq: longSeq, time_ms: t, received_ms: t + 2, raw: one.value, raw_unit: 'Cel', value: one.value, unit: 'Cel', status: 'good', reason: 'none',
			leaf: hash('leaf'), leaf_index: leaf, leaf_count: anchor.body.samples, path: Array.from({ length: 8 }, (_, i) => hash('path' + i)), chunk, anchor: anchor.id, anchored: true });
	}

	function nodeRequest(request, response, url) {
		const path = url.pathname, one = /^\/api\/v1\/(statements|trace|export)\/([^/]+)(\/raw)?$/.exec(path);
		if (path === '/api/v1/node') return json(response, 200, node());
		if (path === '/api/v1/members') return json(response, 200, membersJson());
		if (path === '/api/v1/events') return silent ? fail(response, 503, 'busy', 'the mock is silent') : nodeStreams.add(response);
		if (path === '/api/v1/statements')
			return json(response, 200, ledger.list({ type: url.searchParams.get('type'), order: url.searchParams.get('order'), limit: Number(url.searchParams.get('limit') || 100),
				after: url.searchParams.has('after') ? Number(url.searchParams.get('after')) : null }));
		if (path === '/api/v1/entities')
			return json(response, 200, { entities: machines.map((m) => ({ name: m.device, kind: 'device', state: m.state, role: null, owner: 'org:manufacturer', gateway, registration: m.registration, bounds: m.bounds,
				bounds_version: m.boundsVersion, model: m.modelId, model_version: m.modelVersion, last_seq: 0, last_id: null })) });
		if (one) {
			const found = ledger.find(decodeURIComponent(one[2]));
			if (!found.statement) return fail(response, found.code, found.error, found.reason);
			if (one[1] === 'trace') return json(response, 200, ledger.trace(found.statement.id, Number(url.searchParams.get('depth') || 0)));
			if (one[1] === 'statements' && !one[3]) return json(response, 200, found.statement);
			if (one[1] === 'export' && found.statement.index >= node().checkpoint.size)
				return fail(response, 409, 'busy', `no checkpoint covers log position ${found.statement.index} yet; ask again in a few seconds`);
			response.writeHead(200, { ...common, 'Content-Type': 'application/octet-stream' });
			return response.end('mock bytes');
		}
		return path.startsWith('/api/') ? fail(response, 404, 'not_found', 'there is nothing at this address') : page(response, dist, path);
	}
	function floorRequest(request, response, url) {
		const path = url.pathname, query = url.searchParams, ack = /^\/api\/v1\/floor\/alarms\/([0-9a-f]{64})\/ack$/.exec(path);
		if (request.method === 'POST' && ack) {
			let text = '';
			request.on('data', (part) => (text += part)).on('end', () => acknowledge(response, ack[1], text));
			return undefined;
		}
		if (path === '/api/v1/floor') return json(response, 200, { ...totals(), machines: machines.map((m) => machineJson(m, Date.now(), active(m))) });
		if (path === '/api/v1/floor/events') return silent ? fail(response, 503, 'busy', 'the mock is silent') : floorStreams.add(response);
		if (path === '/api/v1/floor/alarms') return json(response, 200, { alarms: story.alarms, people });
		if (path === '/api/v1/floor/markers') return json(response, 200, { markers: story.markers.filter((m) => !query.has('device') || m.device === query.get('device')) });
		if (path === '/api/v1/floor/reading') return reading(response, query);
		if (path === '/api/v1/floor/series') {
			const m = machines.find((one) => one.device === query.get('device')), number = m ? m.signals.findIndex((s) => s.id === query.get('signal')) : -1;
			if (number < 0) return fail(response, 404, 'not_found', 'no such signal at this gateway; /api/v1/floor lists them');
			const to = Number(query.get('to_ms') || Date.now());
			return json(response, 200, series(m, number, Number(query.get('from_ms') || to - 600_000), to, Number(query.get('points') || 1200)));
		}
		return path.startsWith('/api/') ? fail(response, 404, 'not_found', 'there is nothing at this address') : page(response, dist, path);
	}
	function serverOf(handle) {
		return createServer((request, response) => {
			if (request.method === 'OPTIONS') {
				response.writeHead(204, { ...common, 'Access-Control-Allow-Methods': 'GET, POST', 'Access-Control-Allow-Headers': 'Content-Type' });
				return response.end();
			}
			return handle(request, response, new URL(request.url, 'http://mock'));
		});
	}

	const nodeServer = serverOf(nodeRequest), floorServer = serverOf(floorRequest);
	floorUrl = `http://127.0.0.1:${await listen(floorServer, floorPort)}`;
	const nodeUrl = `http://127.0.0.1:${await listen(nodeServer, nodePort)}`;
	ledger.listeners.add((statement) => nodeStreams.send('statement', { ...statement, body: undefined }));
	story.onAlarm = (alarm) => floorStreams.send('alarm', alarm);
	story.onMarker = (marker) => floorStreams.send('marker', marker);
	const raise = () => story.disturb('robot-1', 'torque_2', 'drift', 'machine_fault', 'torque_2 reads 231 N.m, model version 1 predicts 204; on average 4.1 sigma apart', Date.now(), [231, 204]);
	const timers = [setInterval(() => silent || floorStreams.send('samples', live()), 250), setInterval(() => silent || floorStreams.send('totals', totals()), 1000),
		setInterval(() => silent || nodeStreams.send('node', node()), 1000), setInterval(() => story.anchor(Date.now()), 5000)];
	if (lively)
		timers.push(setInterval(raise, 90_000));
	return {
		nodeUrl, floorUrl, story, ledger, consortium, raise,
		// Close all streams; while silent, new ones are refused.
		streams(on) { silent = !on; if (!on) { nodeStreams.drop(); floorStreams.drop(); } },
		streamCount: () => nodeStreams.open.size + floorStreams.open.size,
		close() {
			timers.forEach(clearInterval);
			for (const server of [nodeServer, floorServer]) { server.close(); server.closeAllConnections(); }
		},
	};
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const mock = await startMock({ nodePort: Number(process.argv[2] || 8190), floorPort: Number(process.argv[3] || 8191), dist: fileURLToPath(new URL('../../../web/dist', import.meta.url)), lively: true });
	console.log(`node ${mock.nodeUrl}\nfloor ${mock.floorUrl}`);
}
