// The shop floor that the mock pretends: machines whose signals are functions of time, so that any moment of the
// past can be asked for without keeping it.

const MINUTE = 60_000;

// A number in [-1, 1) that looks random and depends on nothing but its arguments.
function noise(seed, step) {
	let x = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(step | 0, 0xc2b2ae35);
	x ^= x >>> 15;
	x = Math.imul(x, 0x2c1b3c6d);
	x ^= x >>> 12;
	x = Math.imul(x, 0x297a2d39);
	x ^= x >>> 15;
	return (x >>> 0) / 0x80000000 - 1;
}

const bell = (seed, step) => (noise(seed, step) + noise(seed + 101, step) + noise(seed + 202, step)) * 0.6;

// Speed and load of the spindle follow a job program.
const jobs = [[8000, 62], [9500, 74], [0, 0], [6200, 48], [10200, 81], [7400, 55]];
function job(t, which) {
	const span = 35_000, at = Math.floor(t / span), part = (t - at * span) / 4000;
	const before = jobs[(at - 1) % jobs.length][which], now = jobs[at % jobs.length][which];
	return part < 1 ? before + (now - before) * part : now;
}
const slow = (t, low, high, period) => low + (high - low) * (0.5 + 0.5 * Math.sin((2 * Math.PI * t) / period));

function signal(id, unit, low, high, sigma, predicted, fault) {
	return { id, unit, low, high, sigma, predicted, fault: fault || (() => 0) };
}

// `began`: when the mock's faults are counted from.
export function world(began) {
	const since = (minutes) => (t) => Math.max(0, (t - (began - minutes * MINUTE)) / MINUTE);
	const wear = since(9), drift = since(22), calibrated = (t) => t > began - 20.5 * MINUTE;
	const heat = (t) => slow(t, 40, 178, 660_000);
	const machine = (device, model, cell, period, deadline, signals, more) => ({
		device: 'dev:manufacturer/' + device, model, site: 'airframe/plant-1/hall-1/' + cell, period, deadline, signals,
		state: 'active', commands: '', critical: '', format: 'json', boundsVersion: 1, ...more,
	});
	return [
		machine('spindle-1', 'simulated CNC milling spindle', 'milling/cell-1', 200, 2000, [
			signal('speed', '/min', -20, 12000, null, (t) => job(t, 0)),
			signal('load', '%', -2, 110, null, (t) => job(t, 1)),
			signal('vibration', 'mm/s', 0, 4.5, 0.06, (t) => 0.4 + job(t, 0) * 0.00015, (t) => wear(t) * 0.09),
			signal('bearing_temperature', 'Cel', 5, 70, 0.25, (t) => 34 + slow(t, 0, 14, 210_000), (t) => wear(t) * 0.85),
			signal('coolant_flow', 'L/min', 0.5, 20, 0.12, (t) => 2 + job(t, 0) * 0.0012),
		], { commands: 'reduce_speed stop start_maintenance', health: 'fault', index: 0.41, remaining: [5400, 3900, 8100], boundsVersion: 3, modelVersion: 1 }),
		machine('autoclave-1', 'simulated composite autoclave', 'curing/cell-1', 1000, 10000, [
			signal('thermocouple_1', 'Cel', 0, 200, 0.4, heat),
			signal('thermocouple_2', 'Cel', 0, 200, 0.4, (t) => heat(t - 3000) + (calibrated(t) ? 3.2 : 0),
				(t) => (drift(t) > 0 ? Math.min(3.2, drift(t) * 2.1) : 0) - (calibrated(t) ? 3.2 : 0)),
			signal('thermocouple_3', 'Cel', 0, 200, 0.4, (t) => heat(t + 2500)),
			signal('pressure', 'kPa', 80, 850, null, (t) => slow(t, 101, 700, 660_000)),
			signal('vacuum', 'kPa', 5, 20, 0.15, () => 9),
			signal('heater', '%', -2, 100, null, (t) => slow(t + 165_000, 4, 78, 660_000)),
		], { format: 'csv', health: 'warning', index: 0.78, boundsVersion: 1, modelVersion: 2 }),
		machine('robot-1', 'simulated six-axis drilling robot', 'assembly/cell-2', 200, 2000, [
			...[[-10, 40, 14], [130, 270, 200], [60, 150, 105], [5, 30, 17], [5, 45, 24], [0, 12, 6]].map(([low, high, middle], i) =>
				signal('torque_' + (i + 1), 'N.m', low, high, middle * 0.01, (t) => middle + middle * 0.22 * Math.sin(t / (1900 + 130 * i)))),
			signal('position', 'm', -0.05, 0.8, null, (t) => slow(t, 0, 0.75, 12_000)),
			signal('position_error', 'mm', -0.1, 0.15, 0.004, () => 0.02),
		], { format: 'senml', commands: 'reduce_speed stop start_maintenance', health: 'good', index: 0.97, remaining: [421_000, 250_000, 910_000], modelVersion: 1 }),
		machine('power-1', 'simulated three-phase power meter', 'supply/cell-0', 1000, 10000, [
			signal('voltage', 'V', 360, 440, 0.6, (t) => slow(t, 400, 404, 90_000)),
			signal('current', 'A', 0, 400, null, (t) => 60 + job(t, 1) * 1.4),
			signal('power', 'kW', 0, 280, 0.39, (t) => 0.0016 * 402 * (60 + job(t, 1) * 1.4)),
		], { critical: 'power', health: 'good', index: 1, modelVersion: 1 }),
		machine('fire-1', 'simulated fire alarm panel', 'safety/cell-0', 5000, 20000, [
			signal('temperature', 'Cel', -5, 50, 0.15, () => 23),
			signal('battery', 'V', 24, 30, 0.02, () => 27.3),
		], { critical: 'fire', health: 'good', index: 0.99, modelVersion: 1 }),
		machine('door-1', 'simulated door camera', 'safety/cell-0', 5000, 20000, [
			signal('open', '1', 0, 1, null, (t) => (Math.floor(t / 240_000) % 5 === 0 ? 1 : 0)),
			signal('temperature', 'Cel', -5, 60, 0.2, () => 31),
		], { critical: 'door', health: 'good', index: 0.98, modelVersion: 1, silentSince: began - 40_000 }),
		machine('camera-9', 'simulated inspection camera', 'assembly/cell-2', 1000, 10000, [
			signal('frame_rate', 'Hz', 10, 60, 0.05, () => 25),
			signal('temperature', 'Cel', -5, 60, 0.2, () => 38),
		], { state: 'revoked', health: 'unknown', index: null, silentSince: began - 50 * MINUTE, modelVersion: 1 }),
		machine('<img src=x onerror="window.attacked=1">', '<b>bold</b> model', 'assembly/cell-3', 1000, 10000, [
			signal('level', '%', 0, 100, null, (t) => slow(t, 20, 60, 60_000)),
		], { health: 'unknown', index: null, modelVersion: 0 }),
	];
}

// Reason numbers as in the gateway: 1 missing, 5 stuck.
export function sample(machine, number, t) {
	const it = machine.signals[number], step = Math.floor(t / machine.period), seed = number * 7919 + machine.device.length * 31;
	const predicted = it.predicted(t), spread = it.sigma ?? (it.high - it.low) * 0.0015;
	if (number === 2 && machine.format === 'csv' && step % 173 === 0)
		return { value: null, predicted, flagged: 1 };
	const stuck = machine.format === 'csv' && number === 4 && step % 400 > 388;
	const value = predicted + spread * bell(seed, stuck ? 0 : step) + it.fault(t);
	const digits = Math.max(0, 3 - Math.floor(Math.log10(it.high - it.low)));
	return { value: Number(value.toFixed(digits)), predicted: it.sigma === null ? null : predicted, flagged: stuck ? 5 : 0 };
}

// The newest moment at which a machine has spoken.
export function newest(machine, now) {
	const until = machine.silentSince ? Math.min(machine.silentSince, now) : now;
	return Math.floor(until / machine.period) * machine.period;
}

export function series(machine, number, from, to, points) {
	const it = machine.signals[number], first = Math.ceil(Math.max(from, machine.firstMs) / machine.period), last = Math.floor(newest(machine, to) / machine.period);
	const stride = Math.max(1, Math.ceil((last - first + 1) / points));
	const out = { device: machine.device, signal: it.id, unit: it.unit, bounds_version: machine.boundsVersion, model_version: machine.modelVersion,
		low: it.low, high: it.high, sigma: it.sigma, t: [], value: [], predicted: [], flagged: [] };
	for (let step = first; step <= last; step += stride) {
		const t = step * machine.period, one = sample(machine, number, t);
		out.t.push(t);
		out.value.push(one.value);
		out.predicted.push(one.predicted);
		out.flagged.push(one.flagged);
	}
	return out;
}

export function machineJson(machine, now, activeAlarms) {
	const spoke = newest(machine, now), age = now - spoke;
	return {
		device: machine.device, model: machine.model, site: machine.site, state: machine.state, registration: machine.registration,
		alarms: activeAlarms.length, messages: Math.floor((spoke - machine.firstMs) / machine.period), health: machine.health, health_index: machine.index,
		remaining_s: machine.remaining?.[0] ?? null, remaining_low_s: machine.remaining?.[1] ?? null, remaining_high_s: machine.remaining?.[2] ?? null,
		bounds: machine.bounds, bounds_version: machine.boundsVersion, model_id: machine.modelId, model_version: machine.modelVersion,
		signals: machine.signals.map((it, number) => {
			const one = sample(machine, number, spoke);
			const residual = one.predicted === null || one.value === null ? null : (one.value - one.predicted) / it.sigma;
			const alarm = activeAlarms.find((a) => a.signal === it.id);
			return { id: it.id, unit: it.unit, value: one.value, time_ms: spoke, status: one.flagged === 1 ? 'bad' : one.flagged ? 'uncertain' : 'good',
				low: it.low, high: it.high, predicted: one.predicted, sigma: it.sigma, residual, age_ms: age,
				stale: age > machine.deadline, active: alarm ? alarm.kind : null };
		}),
	};
}
