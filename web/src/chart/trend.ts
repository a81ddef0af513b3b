// The samples of one signal: loaded in one piece, appended from the live stream, and every few seconds made
// exact again from the gateway's history (the live stream drops what comes faster than it sends).
import { signal } from '@preact/signals';
import { getJson, messageOf } from '../api/http';
import type { Series } from '../api/types';
import type { Floor } from '../state/floor';

const POINTS = 1200;
const POINTS_MAX = 6000;

export class Trend {
	t: number[] = [];
	value: (number | null)[] = [];
	predicted: (number | null)[] = [];
	flagged: number[] = [];
	sigma: number | null = null;
	low: number | null = null;
	high: number | null = null;
	unit = '';
	boundsVersion = 0;
	modelVersion = 0;
	// Counts changes.
	readonly version = signal(0);
	readonly problem = signal('');
	readonly loaded = signal(false);
	private exactUntil = 0;
	private asked = 0;

	constructor(readonly floor: Floor, readonly device: string, readonly id: string) {}

	private ask(from: number, to: number | null, points: number): Promise<Series> {
		const query = new URLSearchParams({ device: this.device, signal: this.id, from_ms: String(Math.floor(from)), points: String(points) });
		if (to !== null)
			query.set('to_ms', String(Math.ceil(to)));
		return getJson<Series>(this.floor.base, '/api/v1/floor/series?' + query.toString());
	}

	// Everything from `from`; to null: until now.
	async load(from: number, to: number | null, points = POINTS): Promise<void> {
		const turn = ++this.asked;
		try {
			const series = await this.ask(from, to, points);
			if (turn !== this.asked)
				return;
			this.t = [];
			this.value = [];
			this.predicted = [];
			this.flagged = [];
			this.exactUntil = 0;
			this.join(series);
			this.problem.value = '';
		} catch (error) {
			if (turn === this.asked)
				this.problem.value = messageOf(error);
		}
		this.loaded.value = true;
	}

	// Replace what came live since the last exact answer.
	async correct(): Promise<void> {
		const turn = this.asked;
		const from = this.exactUntil || this.t[0];
		if (from === undefined)
			return;
		try {
			const series = await this.ask(from + 1, null, POINTS);
			if (turn === this.asked)
				this.join(series);
			this.problem.value = '';
		} catch (error) {
			this.problem.value = messageOf(error);
		}
	}

	private cut(from: number): void {
		let keep = this.t.length;
		while (keep > 0 && (this.t[keep - 1] as number) >= from)
			keep--;
		this.t.length = this.value.length = this.predicted.length = this.flagged.length = keep;
	}

	private join(series: Series): void {
		const first = series.t[0], last = series.t[series.t.length - 1];
		if (first !== undefined && last !== undefined) {
			this.cut(first);
			for (let i = 0; i < series.t.length; i++)
				this.push(series.t[i] as number, series.value[i] ?? null, series.predicted[i] ?? null, series.flagged[i] ?? 0);
			this.exactUntil = last;
		}
		this.sigma = Array.isArray(series.sigma) ? (series.sigma.findLast((s) => s !== null) ?? null) : series.sigma;
		this.low = series.low;
		this.high = series.high;
		this.unit = series.unit;
		this.boundsVersion = series.bounds_version;
		this.modelVersion = series.model_version;
		this.version.value++;
	}

	private push(t: number, value: number | null, predicted: number | null, flagged: number): void {
		this.t.push(t);
		this.value.push(value);
		this.predicted.push(predicted);
		this.flagged.push(flagged);
	}

	append(t: number, value: number | null, predicted: number | null): void {
		const last = this.t[this.t.length - 1];
		if (last !== undefined && t <= last)
			return;
		this.push(t, value, predicted, 0);
		this.version.value++;
	}

	forget(before: number): void {
		if (this.t.length < POINTS_MAX && (this.t[0] ?? before) > before - 60_000)
			return;
		let gone = 0;
		while (gone < this.t.length && (this.t[gone] as number) < before)
			gone++;
		for (const list of [this.t, this.value, this.predicted, this.flagged])
			list.splice(0, gone);
	}

	residual(i: number): number | null {
		const value = this.value[i], predicted = this.predicted[i];
		return value == null || predicted == null || !this.sigma ? null : (value - predicted) / this.sigma;
	}
}
