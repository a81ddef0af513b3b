// A trend as the columns that a chart draws.
import type { Trend } from './trend';

export type Column = (number | null)[];
// time (s), value, prediction - 3 sigma, prediction + 3 sigma, prediction, flagged values
export type TrendColumns = [number[], Column, Column, Column, Column, Column];

export const BAND_SIGMAS = 3;

// The usual distance between samples: a much longer one is a gap, which no line may bridge.
function usualStep(t: number[]): number {
	const steps: number[] = [];
	const stride = Math.max(1, Math.floor(t.length / 200));
	for (let i = stride; i < t.length; i += stride)
		steps.push(((t[i] as number) - (t[i - stride] as number)) / stride);
	steps.sort((a, b) => a - b);
	return steps[Math.floor(steps.length / 2)] ?? 1000;
}

export function trendColumns(trend: Trend): TrendColumns {
	const out: TrendColumns = [[], [], [], [], [], []];
	const gap = Math.max(6 * usualStep(trend.t), 2500);
	const band = trend.sigma === null ? null : BAND_SIGMAS * trend.sigma;
	let before = Infinity;
	for (let i = 0; i < trend.t.length; i++) {
		const t = trend.t[i] as number, value = trend.value[i] ?? null, predicted = trend.predicted[i] ?? null;
		if (t - before > gap) {
			out[0].push((before + 1) / 1000);
			for (const column of out.slice(1) as Column[])
				column.push(null);
		}
		before = t;
		out[0].push(t / 1000);
		out[1].push(value);
		out[2].push(predicted === null || band === null ? null : predicted - band);
		out[3].push(predicted === null || band === null ? null : predicted + band);
		out[4].push(predicted);
		out[5].push(trend.flagged[i] ? value : null);
	}
	return out;
}

export function residualColumns(trend: Trend, columns: TrendColumns): [number[], Column] {
	const sigma = trend.sigma;
	return [columns[0], columns[1].map((value, i) => {
		const predicted = columns[4][i];
		return value == null || predicted == null || !sigma ? null : (value - predicted) / sigma;
	})];
}

// Index of the sample nearest to a time, or -1.
export function nearest(t: number[], ms: number): number {
	let low = 0, high = t.length - 1;
	if (high < 0)
		return -1;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((t[middle] as number) < ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && ms - (t[low - 1] as number) < (t[low] as number) - ms ? low - 1 : low;
}

// The interval that the vertical axis shows. Bounds are shown when they are wanted, or when they are near the data.
export function extent(columns: TrendColumns, low: number | null, high: number | null, withBounds: boolean, from: number, to: number): [number, number] {
	let least = Infinity, most = -Infinity;
	for (let i = 0; i < columns[0].length; i++) {
		const t = columns[0][i] as number;
		if (t < from || t > to)
			continue;
		for (const column of [columns[1], columns[2], columns[3]]) {
			const value = column[i];
			if (value == null)
				continue;
			least = Math.min(least, value);
			most = Math.max(most, value);
		}
	}
	if (least > most) {
		least = low ?? 0;
		most = high ?? least + 1;
	}
	const span = Math.max(most - least, 1e-9 * Math.max(Math.abs(most), 1), 1e-12);
	for (const bound of [low, high]) {
		if (bound === null)
			continue;
		if (withBounds || (bound < least ? least - bound : bound - most) < 1.2 * span) {
			least = Math.min(least, bound);
			most = Math.max(most, bound);
		}
	}
	const room = 0.08 * Math.max(most - least, span);
	return [least - room, most + room];
}
