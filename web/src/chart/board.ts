// The trends of one machine: which signals, which time, live or held.
import { signal } from '@preact/signals';
import type { Live } from '../api/types';
import type { Floor } from '../state/floor';
import { Trend } from './trend';

export const ranges = [
	{ id: '2m', label: '2 min', ms: 120_000 },
	{ id: '10m', label: '10 min', ms: 600_000 },
	{ id: '1h', label: '1 h', ms: 3_600_000 },
	{ id: 'all', label: 'all', ms: 0 },
];

// A time of the past that was chosen; null: live, the last `range`.
export interface Held { from: number; to: number }

const CORRECT_MS = 4000;

export class Board {
	readonly trends = signal<Trend[]>([]);
	readonly range = signal('10m');
	readonly held = signal<Held | null>(null);
	// Where all the charts' cursors are: an index into a trend's samples is found from the time.
	readonly cursor = signal<number | null>(null);
	// Counts moments at which live charts move on.
	readonly beat = signal(0);
	private readonly kept = new Map<string, Trend>();
	private readonly ends: (() => void)[];

	constructor(readonly floor: Floor, readonly device: string, range: string, held: Held | null) {
		this.range.value = ranges.some((r) => r.id === range) ? range : '10m';
		this.held.value = held;
		const timer = setInterval(() => this.correct(), CORRECT_MS);
		const seen = (): void => this.correct();
		document.addEventListener('visibilitychange', seen);
		this.ends = [floor.onLive((live) => this.takeLive(live)), () => clearInterval(timer), () => document.removeEventListener('visibilitychange', seen)];
	}

	show(ids: string[]): void {
		this.trends.value = ids.map((id) => {
			let trend = this.kept.get(id);
			if (!trend) {
				trend = new Trend(this.floor, this.device, id);
				this.kept.set(id, trend);
				void this.fill(trend);
			}
			return trend;
		});
	}

	private spanMs(): number {
		return ranges.find((r) => r.id === this.range.value)?.ms ?? 600_000;
	}

	// What the charts show, in milliseconds.
	window(): Held {
		const held = this.held.value;
		if (held)
			return held;
		const to = this.floor.now(), span = this.spanMs();
		if (span)
			return { from: to - span, to };
		const first = Math.min(...this.trends.value.map((t) => t.t[0] ?? to));
		return { from: Math.min(first, to - 60_000), to };
	}

	private fill(trend: Trend): Promise<void> {
		const held = this.held.value, span = this.spanMs();
		if (held)
			return trend.load(held.from, held.to);
		return trend.load(span ? this.floor.now() - span : 0, null);
	}

	private reload(): void {
		this.cursor.value = null;
		for (const trend of this.kept.values())
			void this.fill(trend);
		this.beat.value++;
	}

	setRange(range: string): void {
		this.range.value = range;
		this.held.value = null;
		this.reload();
	}

	hold(held: Held): void {
		this.held.value = held;
		this.reload();
	}

	resume(): void {
		this.held.value = null;
		this.reload();
	}

	pause(): void {
		const { from, to } = this.window();
		this.held.value = { from, to };
	}

	private takeLive(live: Live): void {
		if (this.held.value)
			return;
		const machine = live.machines.find((m) => m.device === this.device);
		if (machine) {
			for (const trend of this.trends.value) {
				const values = machine.values[trend.id];
				if (!values || values[2] === null || values[2] < 0 || !trend.loaded.value)
					continue;
				// The age is as old as the gateway's last tick, so the machine's own time is better where they agree.
				const about = live.time_ms - values[2];
				const t = machine.t !== null && Math.abs(machine.t - about) < 1500 ? machine.t : about;
				if (live.time_ms - t < 1500)
					trend.append(t, values[0], values[1]);
			}
		}
		this.beat.value++;
	}

	private correct(): void {
		if (this.held.value || document.hidden)
			return;
		const { from } = this.window();
		for (const trend of this.trends.value) {
			if (!trend.loaded.value)
				continue;
			void trend.correct();
			if (this.spanMs())
				trend.forget(from);
		}
	}

	close(): void {
		this.ends.forEach((end) => end());
	}
}
