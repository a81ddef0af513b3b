// The two plots of one signal, kept in step with its trend: the trend itself, and the residual strip below.
import { effect } from '@preact/signals';
import uPlot from 'uplot';
import { repaint } from '../state/theme';
import type { Board } from './board';
import { BAND_SIGMAS, extent, residualColumns, trendColumns, type TrendColumns } from './data';
import { axes, colours, residualAxes, drawBounds, drawResidualLimits, type Colours } from './options';
import type { Trend } from './trend';

export const RIGHT_PADDING = 8;
const TREND_HEIGHT = 178;
const RESIDUAL_HEIGHT = 88;
const RESIDUAL_LEAST = 4.5;

function flaggedPaths(u: uPlot, index: number, c: Colours): null {
	const ratio = devicePixelRatio || 1, size = 4 * ratio;
	const xs = u.data[0] as number[], ys = u.data[index] as (number | null)[];
	u.ctx.save();
	u.ctx.fillStyle = c.flagged;
	for (let i = 0; i < xs.length; i++) {
		const value = ys[i];
		if (value == null)
			continue;
		const x = u.valToPos(xs[i] as number, 'x', true), y = u.valToPos(value, 'y', true);
		u.ctx.beginPath();
		u.ctx.moveTo(x, y - size);
		u.ctx.lineTo(x + size, y);
		u.ctx.lineTo(x, y + size);
		u.ctx.lineTo(x - size, y);
		u.ctx.fill();
	}
	u.ctx.restore();
	return null;
}

// A sample that is missing has no value to draw: a tick at the bottom shows that it was due.
function drawMissing(u: uPlot, trend: Trend, c: Colours): void {
	const { ctx, bbox } = u, ratio = devicePixelRatio || 1;
	const least = u.scales['x']?.min ?? 0, most = u.scales['x']?.max ?? 0;
	ctx.save();
	ctx.fillStyle = c.flagged;
	for (let i = 0; i < trend.t.length; i++) {
		const t = (trend.t[i] as number) / 1000;
		if (trend.value[i] === null && trend.flagged[i] && t >= least && t <= most)
			ctx.fillRect(u.valToPos(t, 'x', true) - ratio, bbox.top + bbox.height - 7 * ratio, 2 * ratio, 7 * ratio);
	}
	ctx.restore();
}

export class Plots {
	private trendPlot: uPlot;
	private residualPlot: uPlot | null;
	private columns: TrendColumns;
	private drawn = -1;
	private withBounds: boolean;
	private range: [number, number] = [0, 1];
	private residualRange: [number, number] = [-RESIDUAL_LEAST, RESIDUAL_LEAST];
	private frame = 0;
	private readonly stop: () => void;
	private readonly sizes: ResizeObserver;

	constructor(private readonly host: HTMLElement, private readonly residualHost: HTMLElement | null, private readonly board: Board, private readonly trend: Trend, withBounds: boolean) {
		this.withBounds = withBounds;
		this.columns = trendColumns(trend);
		const c = colours();
		this.trendPlot = new uPlot(this.trendOptions(c), this.columns as unknown as uPlot.AlignedData, host);
		this.residualPlot = residualHost ? new uPlot(this.residualOptions(c), [[], []], residualHost) : null;
		this.sizes = new ResizeObserver(() => this.resize());
		this.sizes.observe(host);
		let painted = repaint.peek();
		this.stop = effect(() => {
			void [trend.version.value, board.beat.value, board.held.value, board.range.value];
			if (repaint.value !== painted) {
				painted = repaint.value;
				this.recolour();
			}
			this.schedule();
		});
	}

	private common(c: Colours, height: number): Pick<uPlot.Options, 'width' | 'height' | 'legend' | 'padding' | 'cursor' | 'hooks'> {
		const board = this.board;
		return {
			width: Math.max(200, this.host.clientWidth), height, legend: { show: false }, padding: [6, RIGHT_PADDING, 0, 0],
			cursor: {
				sync: { key: 'board-' + board.device }, drag: { x: true, y: false, setScale: false }, points: { size: 7, fill: c.line, stroke: c.over, width: 1 },
				bind: { dblclick: () => () => { board.resume(); return null; } },
			},
			hooks: {
				setCursor: [(u) => {
					const left = u.cursor.left ?? -1;
					board.cursor.value = left >= 0 ? Math.round(u.posToVal(left, 'x') * 1000) : null;
				}],
				setSelect: [(u) => {
					const { left, width } = u.select;
					if (width > 8 && u.over.matches(':hover'))
						board.hold({ from: u.posToVal(left, 'x') * 1000, to: u.posToVal(left + width, 'x') * 1000 });
					if (width > 0)
						u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
				}],
			},
		};
	}

	private trendOptions(c: Colours): uPlot.Options {
		const common = this.common(c, TREND_HEIGHT), trend = this.trend, hidden = { stroke: 'transparent', width: 0, points: { show: false } };
		return {
			...common,
			scales: { x: { time: true, auto: false }, y: { range: () => this.range } },
			axes: axes(c, !this.residualHost, 34),
			series: [{}, { stroke: c.line, width: 1.4, points: { show: false } }, { ...hidden }, { ...hidden }, { stroke: c.predicted, width: 1.1, dash: [2, 2], points: { show: false } },
				{ paths: (u, index) => flaggedPaths(u, index, c), points: { show: false } }],
			bands: [{ series: [3, 2], fill: c.band }],
			hooks: { ...common.hooks, drawSeries: [], draw: [(u) => {
				drawBounds(u, { low: trend.low, high: trend.high, version: trend.boundsVersion }, c);
				drawMissing(u, trend, c);
			}] },
		};
	}

	private residualOptions(c: Colours): uPlot.Options {
		const common = this.common(c, RESIDUAL_HEIGHT);
		return {
			...common,
			scales: { x: { time: true, auto: false }, y: { range: () => this.residualRange } },
			axes: residualAxes(c, BAND_SIGMAS),
			series: [{}, { stroke: c.line, width: 1, fill: c.band, fillTo: () => 0, points: { show: false } }],
			hooks: { ...common.hooks, draw: [(u) => drawResidualLimits(u, c, BAND_SIGMAS)] },
		};
	}

	private schedule(): void {
		if (!this.frame)
			this.frame = requestAnimationFrame(() => {
				this.frame = 0;
				this.draw();
			});
	}

	private draw(): void {
		const fresh = this.drawn !== this.trend.version.peek();
		if (fresh) {
			this.drawn = this.trend.version.peek();
			this.columns = trendColumns(this.trend);
		}
		const window = this.board.window(), x = { min: window.from / 1000, max: window.to / 1000 };
		this.range = extent(this.columns, this.trend.low, this.trend.high, this.withBounds, x.min, x.max);
		this.trendPlot.batch(() => {
			if (fresh)
				this.trendPlot.setData(this.columns as unknown as uPlot.AlignedData, false);
			this.trendPlot.setScale('x', x);
		});
		if (!this.residualPlot)
			return;
		const residual = residualColumns(this.trend, this.columns);
		let least = -RESIDUAL_LEAST, most = RESIDUAL_LEAST;
		for (let i = 0; i < residual[0].length; i++)
			if ((residual[0][i] as number) >= x.min && (residual[0][i] as number) <= x.max) {
				least = Math.min(least, 1.1 * (residual[1][i] ?? 0));
				most = Math.max(most, 1.1 * (residual[1][i] ?? 0));
			}
		this.residualRange = [least, most];
		const plot = this.residualPlot;
		plot.batch(() => {
			plot.setData(residual as uPlot.AlignedData, false);
			plot.setScale('x', x);
		});
	}

	private resize(): void {
		const width = this.host.clientWidth;
		if (width < 50)
			return;
		this.trendPlot.setSize({ width, height: TREND_HEIGHT });
		this.residualPlot?.setSize({ width, height: RESIDUAL_HEIGHT });
	}

	// Canvases keep their colours, so the plots are made anew.
	private recolour(): void {
		const c = colours();
		this.trendPlot.destroy();
		this.trendPlot = new uPlot(this.trendOptions(c), this.columns as unknown as uPlot.AlignedData, this.host);
		if (this.residualPlot && this.residualHost) {
			this.residualPlot.destroy();
			this.residualPlot = new uPlot(this.residualOptions(c), [[], []], this.residualHost);
		}
	}

	showBounds(wanted: boolean): void {
		this.withBounds = wanted;
		this.schedule();
	}

	destroy(): void {
		this.stop();
		this.sizes.disconnect();
		cancelAnimationFrame(this.frame);
		this.trendPlot.destroy();
		this.residualPlot?.destroy();
	}
}
