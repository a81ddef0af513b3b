// Events on a trend: a line with a symbol, a sentence, and the way to the statement's lineage.
import type { Marker } from '../api/types';
import { clock, shortId, words } from '../format';
import { address } from '../state/route';
import type { Board } from './board';

const symbols: Record<string, string> = { disturbance: '!', critical: '‼', calibration: 'C', scheduling: 'S', command: '▸', result: '✓', model: 'M' };
export const markerKinds = Object.keys(symbols);
export const symbolOf = (kind: string): string => symbols[kind] ?? '•';

const TOGETHER = 0.03;

interface Group { at: number; markers: Marker[] }

// Markers that would cover each other stand in one group.
function groups(markers: Marker[], from: number, to: number): Group[] {
	const out: Group[] = [];
	for (const marker of [...markers].sort((a, b) => a.t_ms - b.t_ms)) {
		const at = (marker.t_ms - from) / (to - from);
		if (at < 0 || at > 1)
			continue;
		const last = out[out.length - 1];
		if (last && at - last.at < TOGETHER)
			last.markers.push(marker);
		else
			out.push({ at, markers: [marker] });
	}
	return out;
}

function Symbol({ marker, left }: { marker: Marker; left: boolean }) {
	const text = `${words(marker.kind)} at ${clock(marker.t_ms)}: ${marker.text}`;
	const inner = (
		<>
			<span aria-hidden="true">{symbolOf(marker.kind)}</span>
			<span class={'tip ' + (left ? 'tip-left' : 'tip-right')} role="tooltip">
				<b>{words(marker.kind)}</b> {clock(marker.t_ms)}{marker.signal ? ` · ${words(marker.signal)}` : ''}<br />
				{marker.text}<br />
				{marker.statement ? <span class="dim">statement {shortId(marker.statement)} – open its lineage</span> : <span class="dim">not on the ledger yet</span>}
			</span>
		</>
	);
	const name = `marker marker-${marker.kind}`;
	return marker.statement ? <a class={name} href={address('lineage', marker.statement)} aria-label={text + ', open its lineage'}>{inner}</a>
		: <span class={name} tabIndex={0} aria-label={text}>{inner}</span>;
}

export function Markers({ board, markers, signal }: { board: Board; markers: Marker[]; signal: string }) {
	void board.beat.value;
	const { from, to } = board.window();
	const mine = markers.filter((m) => !m.signal || m.signal === signal);
	return (
		<div class="markers">
			{groups(mine, from, to).map((group) => (
				<div class="marker-group" key={group.markers[0]?.statement ?? group.at} style={{ left: `${(100 * group.at).toFixed(2)}%` }}>
					{group.markers.slice(-4).map((marker) => <Symbol key={marker.statement ?? marker.t_ms} marker={marker} left={group.at > 0.5} />)}
				</div>
			))}
		</div>
	);
}
