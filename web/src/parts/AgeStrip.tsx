// Age of information: a cell a signal, filled by how much of its deadline has passed.
import type { Machine, SignalState } from '../api/types';
import { duration, words } from '../format';
import { boundsOf } from '../state/bounds';

export function ageOf(machine: Machine): number | null {
	let oldest: number | null = null;
	for (const signal of machine.signals)
		if (signal.age_ms !== null)
			oldest = Math.max(oldest ?? 0, signal.age_ms);
	return oldest;
}

function Cell({ signal, deadline }: { signal: SignalState; deadline: number | null }) {
	const age = signal.age_ms;
	const share = age === null ? 1 : deadline ? Math.min(1, age / deadline) : signal.stale ? 1 : 0.15;
	const level = signal.stale || age === null ? 'late' : share > 0.6 ? 'soon' : 'fresh';
	const text = `${words(signal.id)}: ${age === null ? 'no reading yet' : duration(age / 1000) + ' old'}${deadline ? `, deadline ${duration(deadline / 1000)}` : ''}${signal.stale ? ', stale' : ''}`;
	return <i class={`age age-${level}`} title={text}><i style={{ height: `${Math.round(12 + 88 * share)}%` }} /></i>;
}

export function AgeStrip({ machine }: { machine: Machine }) {
	const bounds = boundsOf(machine.bounds);
	const stale = machine.signals.filter((s) => s.stale).length;
	return (
		<span class="age-strip" role="img" aria-label={`Age of information of ${machine.signals.length} signals, ${stale} beyond the deadline`}>
			{machine.signals.map((signal) => <Cell key={signal.id} signal={signal} deadline={bounds?.bounds.find((b) => b.signal === signal.id)?.deadline_ms ?? null} />)}
		</span>
	);
}
