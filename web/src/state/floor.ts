// One shop floor: a gateway's machines, alarms and live values.
import { batch, signal } from '@preact/signals';
import { getJson, messageOf, postJson } from '../api/http';
import { Stream } from '../api/stream';
import type { Alarm, AlarmsAnswer, FloorAnswer, FloorSummary, Live, LiveMachine, Machine, Marker } from '../api/types';

const REFRESH_MS = 3000;
const ALARMS_REFRESH_MS = 15_000;
// Tiles of so many machines are drawn once a second only.
const MANY = 40;

function withLive(machine: Machine, live: LiveMachine, now: number): Machine {
	const signals = machine.signals.map((one) => {
		const values = live.values[one.id];
		if (!values)
			return one;
		const [value, predicted, age, status] = values;
		const aged = age === null || age < 0 ? null : age;
		return { ...one, value, predicted, status, age_ms: aged, time_ms: aged === null ? one.time_ms : now - aged };
	});
	return { ...machine, health: live.health, signals };
}

export class Floor {
	readonly summary = signal<FloorSummary | null>(null);
	readonly machines = signal<Machine[]>([]);
	readonly alarms = signal<Alarm[]>([]);
	readonly people = signal<string[]>([]);
	readonly markers = signal<Marker[]>([]);
	readonly problem = signal('');
	readonly stream: Stream;
	private readonly listeners = new Set<(live: Live) => void>();
	private readonly timers: ReturnType<typeof setInterval>[];
	private clockOffset = 0;
	private drawn = 0;

	constructor(readonly base: string, readonly gateway: string) {
		this.stream = new Stream(base + '/api/v1/floor/events', {
			samples: (live: Live) => this.takeLive(live),
			totals: (totals: FloorSummary) => { this.summary.value = totals; },
			alarm: (alarm: Alarm) => this.takeAlarm(alarm),
			marker: (marker: Marker) => { this.markers.value = [...this.markers.peek().filter((m) => m.statement !== marker.statement), marker]; },
		}, () => void this.refreshAll());
		void this.refreshAll();
		this.timers = [
			setInterval(() => document.hidden || void this.refresh(), REFRESH_MS),
			setInterval(() => document.hidden || void this.refreshAlarms(), ALARMS_REFRESH_MS),
		];
	}

	// The shop floor's clock, which may differ from this computer's.
	now(): number {
		return Date.now() + this.clockOffset;
	}

	onLive(listener: (live: Live) => void): () => void {
		this.listeners.add(listener);
		return () => this.listeners.delete(listener);
	}

	private takeLive(live: Live): void {
		this.clockOffset = live.time_ms - Date.now();
		for (const listener of this.listeners)
			listener(live);
		if (live.machines.length > MANY && Date.now() - this.drawn < 1000)
			return;
		this.drawn = Date.now();
		const byName = new Map(live.machines.map((m) => [m.device, m]));
		this.machines.value = this.machines.peek().map((machine) => {
			const now = byName.get(machine.device);
			return now ? withLive(machine, now, live.time_ms) : machine;
		});
	}

	private takeAlarm(alarm: Alarm): void {
		const others = this.alarms.peek().filter((one) => one.id !== alarm.id);
		this.alarms.value = [...others, alarm].sort((a, b) => (b.since_ms ?? 0) - (a.since_ms ?? 0));
	}

	private async refreshAll(): Promise<void> {
		await Promise.all([this.refresh(), this.refreshAlarms(), this.refreshMarkers()]);
	}

	async refresh(): Promise<void> {
		try {
			const answer = await getJson<FloorAnswer>(this.base, '/api/v1/floor');
			batch(() => {
				this.clockOffset = answer.time_ms - Date.now();
				this.machines.value = answer.machines;
				this.summary.value = answer;
				this.problem.value = '';
			});
		} catch (error) {
			this.problem.value = messageOf(error);
		}
	}

	async refreshAlarms(): Promise<void> {
		try {
			const answer = await getJson<AlarmsAnswer>(this.base, '/api/v1/floor/alarms');
			batch(() => {
				this.alarms.value = answer.alarms;
				this.people.value = answer.people;
			});
		} catch {
			// refresh() asks the same gateway and says what is wrong.
		}
	}

	async refreshMarkers(): Promise<void> {
		try {
			this.markers.value = (await getJson<{ markers: Marker[] }>(this.base, '/api/v1/floor/markers')).markers;
		} catch {
			// As above.
		}
	}

	async acknowledge(alarm: Alarm, person: string, comment: string): Promise<void> {
		await postJson<{ statement: string }>(this.base, `/api/v1/floor/alarms/${alarm.id}/ack`, { person, comment });
		await this.refreshAlarms();
	}

	close(): void {
		this.timers.forEach(clearInterval);
		this.stream.close();
	}
}
