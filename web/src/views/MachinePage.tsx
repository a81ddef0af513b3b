// One machine: how it is, and the trends of its signals.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Machine } from '../api/types';
import { messageOf } from '../api/http';
import { Board, ranges } from '../chart/board';
import { download, exportCsv } from '../chart/export';
import { markerKinds, symbolOf } from '../chart/Markers';
import { SignalChart } from '../chart/SignalChart';
import { clock, day, duration, moment, none, shortName, words } from '../format';
import { AgeStrip, ageOf } from '../parts/AgeStrip';
import { Figure, HealthWord, Nothing, Problem, StatementLink, Switch } from '../parts/bits';
import { HealthIndex, Remaining } from '../parts/Tile';
import { isActive, machines, serving } from '../state/app';
import { boundsOf } from '../state/bounds';
import type { Floor } from '../state/floor';
import { address, replaceQuery, route } from '../state/route';

const SHOWN_FIRST = 6;

function Head({ machine }: { machine: Machine }) {
	const age = ageOf(machine), bounds = boundsOf(machine.bounds);
	return (
		<>
			<div class="title">
				<h1>{shortName(machine.device)}</h1>
				<HealthWord health={machine.health} />
				{machine.state !== 'active' && <span class="state-off">⊘ {machine.state}: its messages are refused</span>}
				<span class="dim title-note">{machine.model} · {machine.site.split('/').join(' / ')}</span>
			</div>
			<dl class="figures-row" aria-label="State of the machine">
				<Figure name="health index" value={<HealthIndex value={age === null ? null : machine.health_index} />} />
				<Figure name="remaining life" value={<Remaining machine={machine} />} />
				<Figure name="oldest information" value={age === null ? none : duration(age / 1000)} note={<AgeStrip machine={machine} />} attention={machine.state === 'active' && machine.signals.some((s) => s.stale)} />
				<Figure name="static bounds" value={machine.bounds_version ? <span class="bounds-version">bounds v{machine.bounds_version}</span> : 'none'}
					note={machine.bounds ? <>statement <StatementLink id={machine.bounds} />{bounds ? <span class="clamped" title={bounds.source}>{bounds.source}</span> : ''}</> : ''} />
				<Figure name="model" value={machine.model_version ? `v${machine.model_version}` : 'none'} note={machine.model_id ? <>statement <StatementLink id={machine.model_id} /></> : ''} />
				<Figure name="registration" value={<StatementLink id={machine.registration} />} note={machine.device} />
			</dl>
		</>
	);
}

function Active({ floor, machine }: { floor: Floor; machine: Machine }) {
	const mine = floor.alarms.value.filter((a) => a.device === machine.device && a.state !== 'cleared');
	if (mine.length === 0)
		return null;
	return (
		<ul class="machine-alarms" aria-label="Alarms of this machine">
			{mine.slice(0, 4).map((alarm) => (
				<li key={alarm.id}>
					<span class={isActive(alarm) ? 'flag' : 'dim'}>{isActive(alarm) ? '▲' : '△'}</span> {alarm.explanation} <span class="dim">since {moment(alarm.since_ms)}</span>{' '}
					<a href={address('alarms')}>alarm list</a>{' · '}<a href={address('lineage', alarm.statement)}>lineage</a>
				</li>
			))}
			{mine.length > 4 && <li class="dim">and {mine.length - 4} more in the <a href={address('alarms')}>alarm list</a></li>}
		</ul>
	);
}

function Toolbar({ board, withBounds, setWithBounds }: { board: Board; withBounds: boolean; setWithBounds: (on: boolean) => void }) {
	const [said, say] = useState('');
	const held = board.held.value;
	const tell = (text: string): void => {
		say(text);
		setTimeout(() => say(''), 5000);
	};
	const save = async (): Promise<void> => {
		try {
			download(`${shortName(board.device).replace(/[^\w.-]+/g, '_')}.csv`, new Blob([await exportCsv(board)], { type: 'text/csv' }));
		} catch (error) {
			tell(messageOf(error));
		}
	};
	const link = async (): Promise<void> => {
		const { from, to } = board.window();
		const to_ = new URL(location.href);
		to_.hash = address('machine', board.device, { signals: board.trends.value.map((t) => t.id).join(','), from: String(Math.round(from)), to: String(Math.round(to)) });
		try {
			await navigator.clipboard.writeText(to_.href);
			tell('The address of this view, with its time, is in the clipboard.');
		} catch {
			location.hash = to_.hash;
			tell('The browser permits no copying here: the address bar now holds the permanent address.');
		}
	};
	return (
		<div class="toolbar">
			<Switch label="Time range" value={held ? '' : board.range.value} options={ranges} change={(id) => board.setRange(id)} />
			<button type="button" aria-pressed={held !== null} onClick={() => (held ? board.resume() : board.pause())}>{held ? '▶ Resume' : '❚❚ Pause'}</button>
			<label class="check"><input type="checkbox" checked={withBounds} onChange={(e) => setWithBounds(e.currentTarget.checked)} /> scale to bounds</label>
			<button type="button" onClick={() => void save()}>CSV</button>
			<button type="button" onClick={() => void link()}>Permalink</button>
			<span class="dim toolbar-note" role="status">{said || (held ? `held: ${day(held.from)} ${clock(held.from)} – ${clock(held.to)}` : 'live; drag across a chart to look closer')}</span>
		</div>
	);
}

function Signals({ machine, chosen, choose }: { machine: Machine; chosen: string[]; choose: (ids: string[]) => void }) {
	const toggle = (id: string): void => choose(machine.signals.map((s) => s.id).filter((s) => (s === id ? !chosen.includes(s) : chosen.includes(s))));
	return (
		<div class="chips" role="group" aria-label="Signals shown">
			{machine.signals.map((s) => (
				<button type="button" key={s.id} class="chip" aria-pressed={chosen.includes(s.id)} onClick={() => toggle(s.id)}>{s.active ? '▲ ' : s.stale ? '◌ ' : ''}{words(s.id)}</button>
			))}
			{machine.signals.length > 2 && <button type="button" class="chip chip-all" onClick={() => choose(chosen.length === machine.signals.length ? machine.signals.slice(0, SHOWN_FIRST).map((s) => s.id) : machine.signals.map((s) => s.id))}>
				{chosen.length === machine.signals.length ? 'fewer' : 'all'}</button>}
		</div>
	);
}

// What the address asks for, else signals with something to say first.
function firstChoice(machine: Machine): string[] {
	const asked = route.peek().query.get('signals')?.split(',').filter((id) => machine.signals.some((s) => s.id === id));
	if (asked?.length)
		return asked;
	const ranked = [...machine.signals].sort((a, b) => Number(b.active !== null) - Number(a.active !== null) || Number(b.sigma !== null) - Number(a.sigma !== null));
	const chosen = new Set(ranked.slice(0, SHOWN_FIRST).map((s) => s.id));
	return machine.signals.map((s) => s.id).filter((id) => chosen.has(id));
}

function askedTime(): { from: number; to: number } | null {
	const from = Number(route.peek().query.get('from')), to = Number(route.peek().query.get('to'));
	return from > 0 && to > from ? { from, to } : null;
}

function Trends({ floor, machine }: { floor: Floor; machine: Machine }) {
	const board = useMemo(() => new Board(floor, machine.device, route.peek().query.get('range') ?? '10m', askedTime()), [floor, machine.device]);
	const [chosen, choose] = useState(() => firstChoice(machine));
	const [withBounds, setWithBounds] = useState(false);
	useEffect(() => () => board.close(), [board]);
	useEffect(() => board.show(chosen), [board, chosen]);
	const held = board.held.value, range = board.range.value;
	useEffect(() => {
		const time: Record<string, string> = held ? { from: String(Math.round(held.from)), to: String(Math.round(held.to)) } : { range };
		replaceQuery({ signals: chosen.join(','), ...time });
	}, [chosen, held, range]);
	const markers = floor.markers.value.filter((m) => m.device === machine.device);
	return (
		<>
			<Toolbar board={board} withBounds={withBounds} setWithBounds={setWithBounds} />
			<Signals machine={machine} chosen={chosen} choose={choose} />
			{chosen.length === 0 && <Nothing>Choose a signal above.</Nothing>}
			<div class="charts">
				{board.trends.value.map((trend) => {
					const state = machine.signals.find((s) => s.id === trend.id);
					return state ? <SignalChart key={trend.id} board={board} trend={trend} state={state} machine={machine} markers={markers} withBounds={withBounds} /> : null;
				})}
			</div>
			<p class="legend dim" aria-label="Legend">
				<span><i class="key key-line" /> measured</span><span><i class="key key-predicted" /> model’s prediction ±3 σ</span><span><i class="key key-bound" /> static bound</span><span><i class="flag">◆</i> flagged reading</span>
				{markerKinds.map((kind) => <span key={kind}><i class={`marker marker-${kind} marker-key`}>{symbolOf(kind)}</i> {kind}</span>)}
			</p>
		</>
	);
}

export function MachinePage() {
	const device = route.value.id;
	const found = machines.value.find(({ it }) => it.device === device);
	if (!found) {
		const waiting = serving.value === 'starting' || machines.value.length === 0;
		return waiting ? <Nothing>Waiting for the shop floor …</Nothing> : <Problem text={`No gateway of this node knows a machine named ${device}. It may be withdrawn, or belong to another node.`} />;
	}
	return (
		<>
			<nav class="crumbs" aria-label="Where this is"><a href={address('')}>Shop floor</a> / {shortName(device)}</nav>
			<Head machine={found.it} />
			<Active floor={found.floor} machine={found.it} />
			{found.it.signals.length > 0 ? <Trends key={found.floor.base + device} floor={found.floor} machine={found.it} /> : <Nothing>This device has no signals.</Nothing>}
		</>
	);
}
