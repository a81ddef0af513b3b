// The alarm list: what is wrong, since when, why, and who has seen it.
import { useState } from 'preact/hooks';
import type { Alarm } from '../api/types';
import { alarmStateName, count, duration, moment, none, plural, priorityName, shortName, words } from '../format';
import { AckDialog } from '../parts/AckDialog';
import { Nothing, Problem, Switch } from '../parts/bits';
import { alarms, floors, isActive, now, openAlarms, type OnFloor } from '../state/app';
import { address, replaceQuery, route } from '../state/route';

const ROWS = 100;

type Order = 'time' | 'priority';

function sorted(list: OnFloor<Alarm>[], order: Order): OnFloor<Alarm>[] {
	const newer = (a: OnFloor<Alarm>, b: OnFloor<Alarm>): number => (b.it.since_ms ?? 0) - (a.it.since_ms ?? 0);
	return [...list].sort((a, b) => (order === 'priority' ? a.it.priority - b.it.priority : 0) || newer(a, b));
}

function State({ alarm }: { alarm: Alarm }) {
	const symbol = alarm.state === 'unack_active' ? '▲' : alarm.state === 'acked_active' ? '△' : alarm.state === 'unack_cleared' ? '◇' : '✓';
	return <span class={`alarm-state alarm-${alarm.state}`}><span aria-hidden="true">{symbol}</span> {alarmStateName(alarm.state)}</span>;
}

function Since({ alarm, at }: { alarm: Alarm; at: number }) {
	const end = alarm.cleared_ms ?? at;
	return (
		<>
			{moment(alarm.since_ms)}<br />
			<span class="dim">{alarm.since_ms === null ? '' : alarm.cleared_ms === null ? `for ${duration((end - alarm.since_ms) / 1000)}` : `lasted ${duration((end - alarm.since_ms) / 1000)}`}</span>
		</>
	);
}

function Row({ one, chosen, choose, acknowledge }: { one: OnFloor<Alarm>; chosen: boolean; choose: (on: boolean) => void; acknowledge: () => void }) {
	const alarm = one.it, open = alarm.acked_ms === null;
	void now.value;
	return (
		<tr class={`alarm-row alarm-row-${alarm.state}`} data-alarm={alarm.id}>
			<td class="alarm-pick">{open && <input type="checkbox" checked={chosen} onChange={(e) => choose(e.currentTarget.checked)} aria-label={`Choose the alarm of ${shortName(alarm.device)}, ${words(alarm.kind)}`} />}</td>
			<td data-name="state"><State alarm={alarm} /></td>
			<td data-name="priority"><span class={`priority priority-${isActive(alarm) ? alarm.priority : 4}`}>{priorityName(alarm.priority)}</span></td>
			<td data-name="since" class="number-text"><Since alarm={alarm} at={one.floor.now()} /></td>
			<td data-name="device"><a href={address('machine', alarm.device, alarm.signal ? { signals: alarm.signal } : {})} title={alarm.device}>{shortName(alarm.device)}</a>
				{alarm.signal && <><br /><span class="dim">{words(alarm.signal)}</span></>}</td>
			<td data-name="kind">{words(alarm.kind)}<br /><span class="dim">{alarm.diagnosis === 'none' ? 'no diagnosis' : words(alarm.diagnosis)}</span></td>
			<td data-name="explanation" class="alarm-text">{alarm.explanation}
				{alarm.acked_ms !== null && <span class="ack-note">acknowledged {moment(alarm.acked_ms)} by {alarm.acked_by ? shortName(alarm.acked_by) : none}{alarm.comment ? `: ${alarm.comment}` : ''}</span>}</td>
			<td data-name="count" class="number" data-once={alarm.count === 1 ? '' : undefined}>{count(alarm.count)}</td>
			<td class="alarm-actions">
				{open ? <button type="button" onClick={acknowledge}>Acknowledge</button> : null}
				<a href={address('lineage', alarm.statement)}>{alarm.final ? 'lineage' : 'lineage (not final yet)'}</a>
			</td>
		</tr>
	);
}

export function Alarms() {
	const tab = route.value.query.get('tab') === 'all' ? 'all' : 'active';
	const order: Order = route.value.query.get('order') === 'priority' ? 'priority' : 'time';
	const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
	const [most, setMost] = useState(ROWS);
	const [dialog, setDialog] = useState<OnFloor<Alarm>[]>([]);
	const list = sorted(tab === 'all' ? alarms.value : openAlarms.value, order);
	const open = list.filter(({ it }) => it.acked_ms === null), picked = open.filter(({ it }) => chosen.has(it.id));
	const choose = (id: string, on: boolean): void => {
		const next = new Set(chosen);
		if (on)
			next.add(id);
		else
			next.delete(id);
		setChosen(next);
	};
	return (
		<>
			<div class="title"><h1>Alarms</h1><span class="dim title-note">each one a statement on the ledger; an alarm is never re-activated, a new event is a new alarm</span></div>
			{floors.value.map((floor) => <Problem key={floor.base} text={floor.problem.value && `Alarms of ${floor.gateway}: ${floor.problem.value}`} />)}
			<div class="toolbar">
				<Switch label="Which alarms" value={tab} options={[{ id: 'active', label: `Active or not acknowledged (${openAlarms.value.length})` }, { id: 'all', label: `All (${alarms.value.length})` }]}
					change={(id) => replaceQuery({ tab: id, order })} />
				<Switch label="Order" value={order} options={[{ id: 'time', label: 'newest first' }, { id: 'priority', label: 'by priority' }]} change={(id) => replaceQuery({ tab, order: id })} />
				<button type="button" disabled={picked.length === 0} onClick={() => setDialog(picked)}>{picked.length ? `Acknowledge ${plural(picked.length, 'alarm')}` : 'Acknowledge chosen'}</button>
			</div>
			{list.length === 0 ? <Nothing>{floors.value.length === 0 ? 'There is no shop floor here, and so no alarms.' : tab === 'all' ? 'No alarm has been raised.' : 'Nothing is wrong that is not acknowledged.'}</Nothing> : (
				<table class="alarm-table">
					<thead>
						<tr>
							<th><input type="checkbox" aria-label="Choose all that can be acknowledged" checked={open.length > 0 && picked.length === open.length} onChange={(e) => setChosen(new Set(e.currentTarget.checked ? open.map(({ it }) => it.id) : []))} /></th>
							<th>state</th><th>priority</th><th>since</th><th>device, signal</th><th>kind, diagnosis</th><th>explanation</th><th class="number">count</th><th><span class="hidden">actions</span></th>
						</tr>
					</thead>
					<tbody>
						{list.slice(0, most).map((one) => <Row key={one.floor.base + one.it.id} one={one} chosen={chosen.has(one.it.id)} choose={(on) => choose(one.it.id, on)} acknowledge={() => setDialog([one])} />)}
					</tbody>
				</table>
			)}
			{list.length > most && <p class="buttons"><button type="button" onClick={() => setMost(most + ROWS)}>Show {count(Math.min(ROWS, list.length - most))} more</button></p>}
			{dialog.length > 0 && <AckDialog chosen={dialog} close={() => { setDialog([]); setChosen(new Set()); }} />}
		</>
	);
}
