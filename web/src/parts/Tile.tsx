// One machine on the overview: quiet unless something needs attention.
import type { Alarm, Machine } from '../api/types';
import { duration, fixed, none, priorityName, shortName, words } from '../format';
import { address } from '../state/route';
import { AgeStrip, ageOf } from './AgeStrip';
import { HealthWord } from './bits';

export function worst(alarms: Alarm[]): Alarm | undefined {
	return [...alarms].sort((a, b) => a.priority - b.priority || (b.since_ms ?? 0) - (a.since_ms ?? 0))[0];
}

function attention(machine: Machine, alarm: Alarm | undefined): string {
	if (machine.state !== 'active')
		return 'off';
	if (machine.health === 'fault' || (alarm && alarm.priority <= 2))
		return 'fault';
	if (machine.health === 'warning' || alarm || machine.signals.some((s) => s.stale))
		return 'warning';
	return 'quiet';
}

export function Remaining({ machine }: { machine: Machine }) {
	if (machine.remaining_s == null)
		return <span class="dim">no trend</span>;
	return (
		<span title="Expected time until a bound is crossed at the present trend; in brackets the 10 % and 90 % limits">
			{duration(machine.remaining_s)} <span class="dim">({duration(machine.remaining_low_s)} – {machine.remaining_high_s == null ? 'open' : duration(machine.remaining_high_s)})</span>
		</span>
	);
}

// The index as a bar: 1 as new, 0 at a bound or failure.
export function HealthIndex({ value }: { value: number | null | undefined }) {
	if (value == null)
		return <span class="dim">{none}</span>;
	return (
		<span class="index" title="Health index: 1 as new, 0 at a bound or failure">
			<span class={'index-bar' + (value < 0.5 ? ' index-low' : value < 0.85 ? ' index-middle' : '')} aria-hidden="true"><i style={{ width: `${Math.round(100 * Math.max(0, Math.min(1, value)))}%` }} /></span>
			{fixed(value, 2)}
		</span>
	);
}

function versions(machine: Machine): string {
	return `bounds ${machine.bounds_version ? 'v' + machine.bounds_version : 'none'} · model ${machine.model_version ? 'v' + machine.model_version : 'none'}`;
}

export function Tile({ machine, alarms }: { machine: Machine; alarms: Alarm[] }) {
	const alarm = worst(alarms), age = ageOf(machine), stale = machine.signals.some((s) => s.stale);
	const place = machine.site.split('/').slice(3).join(' / '), off = machine.state !== 'active';
	return (
		<a class={`tile tile-${attention(machine, alarm)}`} href={address('machine', machine.device)} data-device={machine.device}>
			<div class="tile-head">
				<h3>{shortName(machine.device)}</h3>
				{machine.state === 'active' ? <HealthWord health={machine.health} /> : <span class="state-off">⊘ {machine.state}</span>}
			</div>
			<p class="tile-model dim">{place ? `${place} · ` : ''}{machine.model}</p>
			<p class={'tile-alarm' + (alarm ? '' : ' dim')}>
				{alarm ? <><span class={`priority priority-${alarm.priority}`}>{priorityName(alarm.priority)}</span> {alarm.signal ? words(alarm.signal) + ': ' : ''}{words(alarm.kind)}
					{alarms.length > 1 ? <span class="dim"> +{alarms.length - 1} more</span> : null}</> : 'no active alarm'}
			</p>
			<dl class="tile-facts">
				<div><dt>health index</dt><dd><HealthIndex value={age === null ? null : machine.health_index} /></dd></div>
				<div><dt>remaining life</dt><dd><Remaining machine={machine} /></dd></div>
				<div><dt>oldest information</dt><dd class={stale && !off ? 'late' : ''}>{age === null ? 'none yet' : duration(age / 1000)}{stale ? ' · stale' : ''}</dd></div>
			</dl>
			<div class="tile-foot"><AgeStrip machine={machine} /><span class="dim">{versions(machine)}</span></div>
		</a>
	);
}
