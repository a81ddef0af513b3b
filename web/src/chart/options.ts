// What the two plots of a chart have in common, and how they are drawn.
import type uPlot from 'uplot';
import { clock, figure } from '../format';
import { colour } from '../state/theme';

export interface Colours { line: string; band: string; predicted: string; bound: string; flagged: string; grid: string; text: string; over: string }

export function colours(): Colours {
	return {
		line: colour('--trend'), band: colour('--band'), predicted: colour('--predicted'), bound: colour('--bound'), flagged: colour('--flagged'),
		grid: colour('--grid'), text: colour('--muted'), over: colour('--over'),
	};
}

export const AXIS_WIDTH = 52;
const font = '11px system-ui, sans-serif';

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 604_800];

function times(_: uPlot, splits: number[], __: number, ___: number, step: number): string[] {
	return splits.map((s) => (step >= 60 ? clock(s * 1000).slice(0, 5) : clock(s * 1000)));
}

export function axes(c: Colours, withTime: boolean, space: number): uPlot.Axis[] {
	const grid = { stroke: c.grid, width: 1 };
	return [
		{ stroke: c.text, font, grid, ticks: { show: false }, incrs: steps, values: withTime ? times : (_u: uPlot, splits: number[]) => splits.map(() => ''), size: withTime ? 24 : 4, space: 70 },
		{ stroke: c.text, font, grid, ticks: { show: false }, size: AXIS_WIDTH, space, values: (_u: uPlot, splits: number[]) => splits.map((v) => figure(v)) },
	];
}

// The limits themselves where there is room for them, else round numbers.
export function residualAxes(c: Colours, sigmas: number): uPlot.Axis[] {
	const [x, y] = axes(c, true, 22) as [uPlot.Axis, uPlot.Axis];
	y.splits = (_u, _axis, least, most) => {
		if (most - least < 6 * sigmas)
			return [-sigmas, 0, sigmas];
		const step = 10 ** Math.floor(Math.log10(most - least)), wide = (most - least) / step > 4 ? 2 * step : step;
		const out: number[] = [];
		for (let at = Math.ceil(least / wide) * wide; at <= most; at += wide)
			out.push(at);
		return out;
	};
	return [x, y];
}

export interface Bounds { low: number | null; high: number | null; version: number }

// Static bounds: dashed across the plot, or an arrow at the edge when they lie outside of what is shown.
export function drawBounds(u: uPlot, bounds: Bounds, c: Colours): void {
	const { ctx, bbox } = u, ratio = devicePixelRatio || 1;
	const [least, most] = [u.scales['y']?.min ?? 0, u.scales['y']?.max ?? 1];
	ctx.save();
	ctx.font = `${11 * ratio}px system-ui, sans-serif`;
	ctx.textAlign = 'right';
	for (const [value, name] of [[bounds.low, 'low'], [bounds.high, 'high']] as const) {
		if (value === null)
			continue;
		const label = `${name} ${figure(value)} · bounds v${bounds.version}`;
		const inside = value >= least && value <= most;
		const y = inside ? u.valToPos(value, 'y', true) : value > most ? bbox.top + 2 * ratio : bbox.top + bbox.height - 2 * ratio;
		const below = inside ? y - bbox.top < 16 * ratio : value > most;
		ctx.fillStyle = ctx.strokeStyle = c.bound;
		if (inside) {
			ctx.lineWidth = 1.25 * ratio;
			ctx.setLineDash([6 * ratio, 4 * ratio]);
			ctx.beginPath();
			ctx.moveTo(bbox.left, y);
			ctx.lineTo(bbox.left + bbox.width, y);
			ctx.stroke();
		}
		ctx.textBaseline = below ? 'top' : 'bottom';
		ctx.strokeStyle = c.over;
		ctx.lineWidth = 3 * ratio;
		ctx.setLineDash([]);
		ctx.strokeText(inside ? label : `${value > most ? '↑' : '↓'} ${label}`, bbox.left + bbox.width - 4 * ratio, y + (below ? 3 : -3) * ratio);
		ctx.fillText(inside ? label : `${value > most ? '↑' : '↓'} ${label}`, bbox.left + bbox.width - 4 * ratio, y + (below ? 3 : -3) * ratio);
	}
	ctx.restore();
}

// The residual's own limits, and what is beyond them.
export function drawResidualLimits(u: uPlot, c: Colours, sigmas: number): void {
	const { ctx, bbox } = u, ratio = devicePixelRatio || 1;
	ctx.save();
	ctx.strokeStyle = c.bound;
	ctx.lineWidth = ratio;
	ctx.setLineDash([2 * ratio, 3 * ratio]);
	for (const at of [-sigmas, sigmas]) {
		const y = u.valToPos(at, 'y', true);
		ctx.beginPath();
		ctx.moveTo(bbox.left, y);
		ctx.lineTo(bbox.left + bbox.width, y);
		ctx.stroke();
	}
	ctx.restore();
}
