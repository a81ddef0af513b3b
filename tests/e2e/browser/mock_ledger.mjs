// The ledger that the mock pretends: statements that refer to each other as real ones do. Not signed, not kept.
import { createHash } from 'node:crypto';

export const hash = (text) => createHash('sha256').update(text).digest('hex');
const short = (name) => name.replace(/^.*[/:](?=.)/, '');

function label(type, iss, sub, body) {
	switch (type) {
	case 'org': return `organisation: ${body.name} (${short(iss)}) as ${body.role}, node at ${body.address}`;
	case 'person': return `person: ${short(sub)} is registered as ${body.role} by ${short(iss)}`;
	case 'device': return `device: ${body.kind} ${short(sub)} (${body.model}) at ${body.site}`;
	case 'bounds': return `bounds: version ${body.version} for ${short(sub)}, ${body.bounds.length} signals, from ${body.source}`;
	case 'anchor': return `anchor: ${body.samples} readings of ${body.ranges.length} devices, evidence: ${body.evidence}`;
	case 'model': return `model: version ${body.version} for ${short(sub)} (${body.kind}) after ${body.reason}`;
	case 'device_state': return `device state: ${short(sub)} is ${body.state} by ${short(iss)}: ${body.reason}`;
	case 'disturbance': return `disturbance: ${body.signal || short(sub)} of ${short(sub)}, ${body.kind}: ${body.diagnosis}`;
	case 'service': return `service: ${body.kind} of ${short(sub)} ${body.accepted ? 'accepted' : 'not accepted'}`;
	case 'command': return `command: ${body.action} to ${body.setting}, for ${short(sub)}`;
	case 'result': return `result: ${short(sub)} did what it was told: ${body.detail}`;
	case 'critical': return `critical: ${body.kind} at ${short(sub)}, ${body.detail}`;
	case 'ack': return `acknowledgement: alarm of ${short(sub)}, by ${short(body.person)}: ${body.comment}`;
	}
	return type;
}

// What a body refers to, as the trace of a real node names it.
function named(body) {
	const out = [];
	if (body.command) out.push([body.command, 'command']);
	if (body.target) out.push([body.target, 'target']);
	for (const range of body.ranges || []) {
		if (range.registration) out.push([range.registration, 'registration']);
		if (range.bounds) out.push([range.bounds, 'bounds']);
		if (range.model) out.push([range.model, 'model']);
	}
	return out;
}

export class Ledger {
	statements = [];
	byId = new Map();
	registrations = new Map();
	listeners = new Set();

	add(type, iss, sub, body, parents, time) {
		const index = this.statements.length;
		const before = this.statements.findLast((s) => s.iss === iss);
		const statement = { id: hash(JSON.stringify([index, type, iss, sub, body])), index, commit: index >> 2, commit_ms: time, type, iss, sub,
			seq: (before?.seq ?? 0) + 1, iat_s: Math.floor(time / 1000), parents, prev: before?.id ?? null, size: 2700 + JSON.stringify(body).length,
			label: label(type, iss, sub, body), body };
		this.statements.push(statement);
		this.byId.set(statement.id, statement);
		if (['org', 'person', 'device'].includes(type))
			this.registrations.set(sub, statement.id);
		for (const listener of this.listeners)
			listener(statement);
		return statement.id;
	}

	// {statement} or {code, error, reason}
	find(text) {
		if (!/^[0-9a-f]{4,64}$/i.test(text))
			return { code: 400, error: 'malformed', reason: 'give at least 4 digits of the id' };
		const found = this.statements.filter((s) => s.id.startsWith(text.toLowerCase()));
		if (found.length > 1)
			return { code: 409, error: 'duplicate', reason: 'several statements begin like this; give more digits' };
		return found[0] ? { statement: found[0] } : { code: 404, error: 'not_found', reason: 'no final statement has this id; check it, or wait until it is final' };
	}

	list({ type, after, limit, order }) {
		let all = this.statements.filter((s) => !type || s.type === type);
		if (order === 'desc')
			all = all.reverse();
		if (after !== null)
			all = all.filter((s) => (order === 'desc' ? s.index < after : s.index > after));
		const rows = all.slice(0, limit);
		return { statements: rows, next: all.length > limit ? rows.at(-1).index : null };
	}

	trace(id, depth) {
		const nodes = new Map([[id, 0]]), edges = [];
		let cut = false;
		for (const [at, level] of nodes) {
			const s = this.byId.get(at);
			const onward = [...s.parents.filter(Boolean).map((p) => [p, 'parent']), ...named(s.body)];
			if (s.type !== 'org' && this.registrations.has(s.sub) && this.registrations.get(s.sub) !== at) onward.push([this.registrations.get(s.sub), 'registration']);
			const issuer = this.registrations.get(s.iss);
			if (issuer && issuer !== at) onward.push([issuer, 'issuer']);
			for (const [to, why] of onward) {
				if (depth && level >= depth && why !== 'issuer') {
					cut = true;
					continue;
				}
				if (!nodes.has(to)) nodes.set(to, level + 1);
				if (!edges.some((e) => e.from === at && e.to === to)) edges.push({ from: at, to, why });
			}
		}
		const list = [...nodes.keys()].map((key) => {
			const s = this.byId.get(key);
			return { id: s.id, index: s.index, type: s.type, iss: s.iss, sub: s.sub, time: s.commit_ms, label: s.label, evidence: s.type === 'anchor' ? s.body.evidence : null };
		});
		return { root: id, nodes: list, edges, cut };
	}
}
