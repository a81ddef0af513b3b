// Numbers, times and names for people.

const figures = new Intl.NumberFormat('en', { maximumSignificantDigits: 4, useGrouping: false });
const wholes = new Intl.NumberFormat('en', { maximumFractionDigits: 0, useGrouping: false });
const counts = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const none = '–';

export function figure(value: number | null | undefined): string {
	if (value === null || value === undefined || !Number.isFinite(value))
		return none;
	if (value === 0)
		return '0'; // and not the negative zero
	return (Math.abs(value) >= 1000 ? wholes : figures).format(value).replace('-', '−');
}

export function fixed(value: number | null | undefined, digits: number): string {
	return value === null || value === undefined || !Number.isFinite(value) ? none : value.toFixed(digits).replace('-', '−');
}

export function count(value: number | null | undefined): string {
	return value === null || value === undefined ? none : counts.format(value);
}

export function plural(value: number, one: string, many = one + 's'): string {
	return `${count(value)} ${value === 1 ? one : many}`;
}

export function bytes(value: number): string {
	if (value < 1e3)
		return `${value} B`;
	return value < 1e6 ? `${(value / 1e3).toFixed(1)} kB` : value < 1e9 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e9).toFixed(1)} GB`;
}

// UCUM codes as people write them.
const unitNames: Record<string, string> = { Cel: '°C', '[degF]': '°F', '/min': '1/min', 'N.m': 'N·m', '1': '', '[psi]': 'psi', um: 'µm' };
export function unitName(unit: string): string {
	return unitNames[unit] ?? unit;
}

export function withUnit(value: number | null | undefined, unit: string): string {
	const name = unitName(unit);
	return value === null || value === undefined || !name ? figure(value) : `${figure(value)} ${name}`;
}

export function duration(seconds: number | null | undefined): string {
	if (seconds === null || seconds === undefined || !Number.isFinite(seconds))
		return none;
	const s = Math.max(0, seconds);
	if (s < 9.95)
		return `${s.toFixed(1)} s`;
	if (s < 120)
		return `${s.toFixed(0)} s`;
	if (s < 7200)
		return `${(s / 60).toFixed(0)} min`;
	return s < 172_800 ? `${(s / 3600).toFixed(1)} h` : `${(s / 86_400).toFixed(1)} d`;
}

const two = (value: number): string => String(value).padStart(2, '0');

export function clock(ms: number): string {
	const t = new Date(ms);
	return `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

export function day(ms: number): string {
	const t = new Date(ms);
	return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
}

// Today's times without the date.
export function moment(ms: number | null | undefined): string {
	if (ms === null || ms === undefined)
		return none;
	const date = day(ms);
	return date === day(Date.now()) ? clock(ms) : `${date} ${clock(ms)}`;
}

export function iso(ms: number): string {
	return new Date(ms).toISOString();
}

// "spindle-1" of "dev:manufacturer/spindle-1".
export function shortName(name: string): string {
	for (let i = name.length - 2; i >= 0; i--)
		if (name[i] === '/' || name[i] === ':')
			return name.slice(i + 1);
	return name;
}

export function shortId(id: string | null | undefined): string {
	return id ? id.slice(0, 8) : none;
}

export function words(name: string): string {
	return name.replaceAll('_', ' ');
}

// A statement's sentence with its times as the reader has them.
export function readable(label: string): string {
	return label.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (time) => moment(Date.parse(time)));
}

// As the gateway numbers them (signal/sample.h).
const reasons = ['none', 'missing', 'not a number', 'unit', 'range', 'stuck', 'late', 'duplicate', 'future', 'malformed'];
export function reasonName(reason: number): string {
	return reasons[reason] ?? `reason ${reason}`;
}

const priorities = ['', 'critical', 'high', 'medium', 'low'];
export function priorityName(priority: number): string {
	return priorities[priority] || `priority ${priority}`;
}

const alarmStates: Record<string, string> = {
	unack_active: 'active, not acknowledged', acked_active: 'active, acknowledged', unack_cleared: 'cleared, not acknowledged', cleared: 'cleared',
};
export function alarmStateName(state: string): string {
	return alarmStates[state] ?? words(state);
}
