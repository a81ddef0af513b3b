// What happened in the mock's consortium before the page is opened: registrations, anchors, a worn bearing with its
// command, a drifting thermocouple with its calibration, refusals, a fire.
import { hash } from './mock_ledger.mjs';

const MINUTE = 60_000;
export const gateway = 'gw:manufacturer/hall-1';
export const site = 'airframe/plant-1/hall-1';
const owner = 'org:manufacturer', engineer = 'person:manufacturer/engineer-1';
export const people = [engineer, 'person:manufacturer/inspector-1', 'person:manufacturer/<img src=x onerror="window.attacked=1">'];

// Message numbers have 64 bits; mock.mjs sends these texts as numbers.
export const longSeq = '7710962924918931271';

export class Story {
	alarms = [];
	markers = [];

	constructor(ledger, machines, now) {
		this.ledger = ledger;
		this.machines = machines;
		this.by = new Map(machines.map((m) => [m.device.replace('dev:manufacturer/', ''), m]));
		this.register(now);
		for (let minute = 40; minute > 0; minute -= 2) {
			this.chapter(minute, now);
			this.anchor(now - minute * MINUTE);
		}
	}

	register(now) {
		const t = now - 62 * MINUTE, { ledger } = this;
		const orgs = [['manufacturer', 'Airframe manufacturer', 'manufacturer'], ['supplier', 'Bearing supplier', 'supplier'], ['repair', 'Repair station', 'repair'], ['regulator', 'Aviation authority', 'regulator']];
		this.orgs = orgs.map(([id, name, role], index) => ({ index, iss: 'org:' + id, name, role, address: '127.0.0.1:' + (7101 + index) }));
		for (const org of this.orgs)
			ledger.add('org', org.iss, org.iss, { name: org.name, role: org.role, address: org.address, tls_key: hash(org.iss) }, [], t);
		for (const person of people)
			ledger.add('person', owner, person, { role: person.includes('inspector') ? 'inspector' : 'engineer', key: hash(person) }, [], t + 1000);
		ledger.add('device', owner, gateway, { kind: 'gateway', model: 'industrial computer', site, signals: [] }, [], t + 2000);
		for (const m of this.machines) {
			m.firstMs = now - 60 * MINUTE;
			m.registration = ledger.add('device', owner, m.device, { kind: m.critical ? 'sensor' : 'machine', model: m.model, gateway, format: m.format, firmware: hash(m.model),
				signals: m.signals.map((s) => ({ id: s.id, field: s.id, raw_unit: s.unit, unit: s.unit, period_ms: m.period, stuck_count: 10 })), site: m.site,
				critical: m.critical, commands: m.commands }, [], t + 3000);
			for (let version = 1; version <= m.boundsVersion; version++)
				m.bounds = ledger.add('bounds', owner, m.device, { version, bounds: m.signals.map((s) => ({ signal: s.id, unit: s.unit, low: s.low, high: s.high, rate: 0,
					resolution: 0.1, deadline_ms: m.deadline })), source: 'design range with a margin' }, [m.registration, m.bounds].filter(Boolean), t + 4000 * version);
			if (m.modelVersion)
				m.modelId = this.model(m, 1, 'commissioning', [m.registration], t + 20_000);
			else
				m.modelId = null;
		}
		ledger.add('device_state', owner, this.by.get('camera-9').device, { state: 'revoked', reason: 'withdrawn before production' }, [], now - 49 * MINUTE);
	}

	model(m, version, reason, parents, t) {
		const modelled = m.signals.filter((s) => s.sigma !== null);
		return this.ledger.add('model', gateway, m.device, { version, kind: 'first-order', parameters: modelled.flatMap((s) => [{ name: s.id + '.offset', value: 22 }, { name: s.id + '.pole', value: 0.98 },
			{ name: s.id + '.sigma', value: s.sigma }]), error_before: version > 1 ? 7.4 : 0, error_after: version > 1 ? 1.02 : 0, reason }, parents, t);
	}

	anchor(t) {
		const ranges = this.machines.filter((m) => m.state === 'active' && m.modelId).map((m) => ({ device: m.device, registration: m.registration, bounds: m.bounds, model: m.modelId,
			first_seq: 1, last_seq: Math.floor((t - m.firstMs) / m.period), missing: 0, samples: 5 * m.signals.length }));
		const samples = ranges.reduce((sum, r) => sum + r.samples, 0);
		this.lastChunk = hash('chunk' + t);
		this.lastAnchor = this.ledger.add('anchor', gateway, site, { chunk: this.lastChunk, root: hash('root' + t), samples, size: samples * 9, first_ns: (t - 5000) * 1e6, last_ns: t * 1e6, ranges,
			wrangling: hash('rules'), firmware: hash('tally'), evidence: 'device', site, purpose: 'condition monitoring', flagged: [{ reason: 'missing', count: 1 }, { reason: 'stuck', count: 2 }],
			refused: [] }, [this.ledger.registrations.get(gateway)], t);
		return this.lastAnchor;
	}

	mark(kind, m, signal, text, t, statement) {
		const marker = { t_ms: t, kind, device: m.device, signal, text, statement };
		this.markers.push(marker);
		this.onMarker?.(marker);
	}

	alarm(m, signal, kind, diagnosis, priority, explanation, t, id, more) {
		const alarm = { id, device: m.device, signal, kind, diagnosis, priority, state: 'unack_active', since_ms: t, cleared_ms: null, acked_ms: null, acked_by: null, comment: null, explanation,
			count: 1, statement: id, final: true, ...more };
		this.alarms.unshift(alarm);
		this.onAlarm?.(alarm);
		return alarm;
	}

	disturb(name, signal, kind, diagnosis, explanation, t, figures, more) {
		const m = this.by.get(name), integrity = diagnosis === 'data_integrity_fault';
		const anchor = this.anchor(t - 400);
		const id = this.ledger.add('disturbance', gateway, m.device, { kind, diagnosis, signal, time_ns: t * 1e6, detected_ns: (t + 3) * 1e6, value: figures[0], expected: figures[1], seq: longSeq,
			chunk: integrity ? null : this.lastChunk, leaf: 17, explanation, count: more?.count ?? 1 }, [anchor, m.modelId || m.bounds, m.registration], t);
		this.mark('disturbance', m, signal, explanation, t, id);
		this.alarm(m, signal, kind, diagnosis, diagnosis === 'sensor_fault' ? 3 : 2, explanation, t, id, more);
		return id;
	}

	// What happened at this many minutes before now.
	chapter(minute, now) {
		const t = now - minute * MINUTE, { ledger } = this;
		if (minute === 22) {
			const m = this.by.get('autoclave-1');
			const id = this.disturb('autoclave-1', 'thermocouple_2', 'drift', 'sensor_fault',
				'thermocouple_2 alone left its baseline (model version 1) since about 2 min: 121.4 Cel instead of 118.2; the other 5 signals agree: sensor fault', t, [121.4, 118.2],
				{ state: 'cleared', cleared_ms: t + 95_000, acked_ms: t + 60_000, acked_by: engineer, comment: 'seen, calibration runs' });
			ledger.add('ack', gateway, m.device, { target: id, person: engineer, comment: 'seen, calibration runs', time_ns: (t + 60_000) * 1e6 }, [id], t + 60_000);
			const text = 'thermocouple_2: gain 1 to 1.004, bias 0 to 3.2 Cel; error on 120 held-out readings 7.40 to 1.02 sigma: accepted';
			const service = ledger.add('service', gateway, m.device, { kind: 'calibration', accepted: true, error_before: 7.4, error_after: 1.02, options: [], chosen: 0, explanation: text }, [id, m.modelId], t + 80_000);
			this.mark('calibration', m, 'thermocouple_2', text, t + 80_000, service);
			m.modelId = this.model(m, 2, 'calibration', [m.modelId, service, id, this.lastAnchor], t + 90_000);
			this.mark('model', m, '', 'model version 2, calibration', t + 90_000, m.modelId);
		} else if (minute === 8) {
			const m = this.by.get('spindle-1');
			const id = this.disturb('spindle-1', 'bearing_temperature', 'drift', 'machine_fault',
				'2 signals together leave their baselines (model version 1) since about 1 min, most of all bearing_temperature +4.6 sigma, vibration +3.9 sigma: machine fault', t, [46.9, 45.7]);
			const text = 'going on, bearing_temperature crosses a bound in 1480 s; reduce_speed to 75 %: bearing_temperature is foretold at 58.2 Cel after 600 s (bounds 5 to 70), 25 % of production lost';
			const service = ledger.add('service', gateway, m.device, { kind: 'scheduling', accepted: true, error_before: 0, error_after: 0, options: [
				{ action: 'continue', setting: 1, predicted: 71.3, cost: 0, feasible: false }, { action: 'reduce_speed', setting: 0.75, predicted: 58.2, cost: 0.25, feasible: true },
				{ action: 'start_maintenance', setting: 1, predicted: 44, cost: 0.4, feasible: true }, { action: 'stop', setting: 0, predicted: 30, cost: 1, feasible: true }], chosen: 1, explanation: text }, [id, m.modelId], t + 9_000);
			this.mark('scheduling', m, 'bearing_temperature', text, t + 9_000, service);
			const command = ledger.add('command', gateway, m.device, { action: 'reduce_speed', setting: 0.75, time_ns: (t + 10_000) * 1e6 }, [service], t + 10_000);
			this.mark('command', m, '', 'command reduce_speed 0.75', t + 10_000, command);
			const result = ledger.add('result', gateway, m.device, { command, done: true, detail: 'running at the new speed', time_ns: (t + 14_000) * 1e6 }, [command], t + 14_000);
			this.mark('result', m, '', 'done: running at the new speed', t + 14_000, result);
		} else if (minute === 6) {
			this.disturb('door-1', '', 'forged', 'data_integrity_fault', '12 messages of door-1 carried a wrong authentication code: someone without its key speaks in its name', t, [0, 0], { count: 12, state: 'unack_cleared', cleared_ms: t + 45_000 });
		} else if (minute === 4) {
			const m = this.by.get('fire-1');
			const id = ledger.add('critical', gateway, m.device, { kind: 'fire', time_ns: t * 1e6, received_ns: (t + 2) * 1e6, acted_ns: (t + 3) * 1e6, action: 'local control unit informed, on disk', detail: 'smoke, detector 4' }, [m.registration], t);
			this.mark('critical', m, '', 'fire: smoke, detector 4', t, id);
			this.alarm(m, '', 'fire', 'none', 1, 'fire: smoke, detector 4', t, id, { state: 'unack_cleared', cleared_ms: t + 60_000 });
		} else if (minute === 2) {
			this.disturb('<img src=x onerror="window.attacked=1">', 'level', 'bounds', 'none', 'level crosses <img src=x onerror="window.attacked=1"> and <script>window.attacked=1</script>', t, [101, 100]);
		}
	}
}
