// One signal of a machine: figures, trend with bounds, prediction and markers, residual strip.
import { useEffect, useRef } from 'preact/hooks';
import type { Machine, Marker, SignalState } from '../api/types';
import { clock, fixed, reasonName, unitName, withUnit, words } from '../format';
import type { Board } from './board';
import { nearest } from './data';
import { Markers } from './Markers';
import { Plots } from './plots';
import type { Trend } from './trend';

function sigmas(residual: number | null): string {
	return residual === null ? '' : `${residual > 0 ? '+' : ''}${fixed(residual, 1)} σ`;
}

// What the head says: the sample under the cursor, else the newest.
function Figures({ board, trend, state }: { board: Board; trend: Trend; state: SignalState }) {
	const cursor = board.cursor.value;
	void trend.version.value;
	const i = cursor === null ? -1 : nearest(trend.t, cursor);
	if (i >= 0) {
		const flagged = trend.flagged[i] ?? 0;
		return (
			<span class="figures">
				<b>{withUnit(trend.value[i], state.unit)}</b>
				<span class="dim">at {clock(trend.t[i] as number)}</span>
				{trend.predicted[i] != null && <span class="dim">predicted {withUnit(trend.predicted[i], state.unit)}</span>}
				<span class="dim">{sigmas(trend.residual(i))}</span>
				{flagged ? <span class="flag">◆ flagged: {reasonName(flagged)}</span> : null}
			</span>
		);
	}
	return (
		<span class="figures">
			<b>{withUnit(state.value, state.unit)}</b>
			{state.predicted !== null && <span class="dim">predicted {withUnit(state.predicted, state.unit)}</span>}
			{state.residual !== null && <span class={Math.abs(state.residual) > 3 ? 'flag' : 'dim'} title="Residual in sigma, smoothed by the twin">residual {sigmas(state.residual)}</span>}
			{state.stale && <span class="flag">◌ stale</span>}
			{state.status !== 'good' && <span class="flag">◆ {state.status}</span>}
			{state.active && <span class="flag">▲ {words(state.active)}</span>}
		</span>
	);
}

export function SignalChart({ board, trend, state, machine, markers, withBounds }: { board: Board; trend: Trend; state: SignalState; machine: Machine; markers: Marker[]; withBounds: boolean }) {
	const host = useRef<HTMLDivElement>(null);
	const residualHost = useRef<HTMLDivElement>(null);
	const plots = useRef<Plots | null>(null);
	const modelled = state.sigma !== null;
	useEffect(() => {
		if (!host.current)
			return undefined;
		const made = new Plots(host.current, modelled ? residualHost.current : null, board, trend, withBounds);
		plots.current = made;
		return () => {
			plots.current = null;
			made.destroy();
		};
	}, [board, trend, modelled]);
	useEffect(() => plots.current?.showBounds(withBounds), [withBounds]);
	const what = `Trend of ${words(state.id)} of ${machine.device} with its static bounds${modelled ? ', the model’s prediction and the residual' : ''}. Now ${withUnit(state.value, state.unit)}.`;
	return (
		<section class="chart" aria-label={words(state.id)} data-signal={state.id}>
			<header>
				<h3>{words(state.id)}{unitName(state.unit) && <span class="dim"> {unitName(state.unit)}</span>}</h3>
				<Figures board={board} trend={trend} state={state} />
			</header>
			{trend.problem.value && <p class="problem" role="alert">{trend.problem.value}</p>}
			<div class="plot">
				<div ref={host} class="canvas" role="img" aria-label={what} />
				<Markers board={board} markers={markers} signal={state.id} />
			</div>
			{modelled ? (
				<div class="residual">
					<div class="strip-name">residual, σ</div>
					<div ref={residualHost} role="img" aria-label={`Residual of ${words(state.id)} in sigma, limits at ±3`} />
				</div>
			) : <p class="strip-none">No model follows this signal: it is watched by its bounds alone.</p>}
		</section>
	);
}
