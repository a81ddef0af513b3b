// The shop floor: a tile a machine, grouped by where it stands, and the totals.
import type { Machine } from '../api/types';
import { Nothing, Figure, Problem } from '../parts/bits';
import { Tile } from '../parts/Tile';
import { bytes, count, fixed, plural, words } from '../format';
import { floors, isActive, machines, node, openAlarms, serving, type OnFloor } from '../state/app';
import type { Floor } from '../state/floor';
import { address } from '../state/route';

interface Group { area: string; machines: OnFloor<Machine>[] }

// ISA-95: enterprise/site/area/line/cell. Within an area by line and cell, neighbours beside each other.
function grouped(all: OnFloor<Machine>[]): Group[] {
	const out: Group[] = [];
	for (const one of all) {
		const area = one.it.site.split('/').slice(0, 3).join(' / ') || 'no site';
		const found = out.find((g) => g.area === area);
		if (found)
			found.machines.push(one);
		else
			out.push({ area, machines: [one] });
	}
	for (const group of out)
		group.machines.sort((a, b) => a.it.site.localeCompare(b.it.site) || a.it.device.localeCompare(b.it.device));
	return out.sort((a, b) => a.area.localeCompare(b.area));
}

function Attention() {
	const all = machines.value.map((m) => m.it), open = openAlarms.value;
	const faults = all.filter((m) => m.health === 'fault').length, warnings = all.filter((m) => m.health === 'warning').length;
	const stale = all.filter((m) => m.state === 'active' && m.signals.some((s) => s.stale)).length, off = all.filter((m) => m.state !== 'active').length;
	const unacknowledged = open.filter(({ it }) => it.state.startsWith('unack')).length;
	return (
		<dl class="figures-row" aria-label="Summary">
			<Figure name="machines" value={count(all.length)} note={off ? `${off} withdrawn` : ''} />
			<Figure name="in fault" value={count(faults)} attention={faults > 0} />
			<Figure name="with a warning" value={count(warnings)} attention={warnings > 0} />
			<Figure name="silent signals on" value={plural(stale, 'machine')} attention={stale > 0} />
			<Figure name="active alarms" value={<a href={address('alarms')}>{count(open.filter(({ it }) => isActive(it)).length)}</a>} note={unacknowledged ? `${unacknowledged} to acknowledge` : ''} attention={unacknowledged > 0} />
		</dl>
	);
}

function Reasons({ title, counts, none }: { title: string; counts: Record<string, number>; none: string }) {
	const entries = Object.entries(counts).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
	const most = Math.max(1, ...entries.map(([, n]) => n));
	return (
		<div class="reasons">
			<h4>{title} <span class="dim">{count(entries.reduce((sum, [, n]) => sum + n, 0))}</span></h4>
			{entries.length === 0 ? <p class="dim">{none}</p> : (
				<table>
					<tbody>
						{entries.map(([reason, n]) => (
							<tr key={reason}><th scope="row">{words(reason)}</th><td class="number">{count(n)}</td><td class="bar-cell" aria-hidden="true"><i style={{ width: `${Math.max(2, Math.round((100 * n) / most))}%` }} /></td></tr>
						))}
					</tbody>
				</table>
			)}
		</div>
	);
}

function FloorTotals({ floor }: { floor: Floor }) {
	const summary = floor.summary.value;
	if (!summary)
		return <Problem text={floor.problem.value} />;
	const { totals, alarm_us: latency } = summary;
	return (
		<section class="panel" aria-label={`Totals of ${summary.gateway}`}>
			<header class="panel-head">
				<h2>Gateway <span class="plain">{summary.gateway}</span></h2>
				<span class="panel-side">
					<span class={summary.node_connected ? 'dim' : 'flag'}>{summary.node_connected ? '● node connected' : '✕ node not connected: statements wait in the outbox'}</span>
					<span class={summary.broker_connected ? 'dim' : 'flag'}>{summary.broker_connected ? '● broker connected' : '✕ broker not connected: no readings come in'}</span>
				</span>
			</header>
			<dl class="figures-row">
				<Figure name="readings" value={count(totals.samples)} note={`in ${count(totals.messages)} messages`} />
				<Figure name="under final anchors" value={count(totals.anchored)} note={totals.samples ? `${fixed((100 * totals.anchored) / totals.samples, 1)} %` : ''} />
				<Figure name="chunks" value={count(totals.chunks)} note={totals.chunk_samples ? `${bytes(totals.chunk_bytes)}, ${fixed(totals.chunk_bytes / totals.chunk_samples, 1)} B a reading` : ''} />
				<Figure name="outbox" value={count(totals.outbox)} note="not final yet" attention={totals.outbox > 100} />
				<Figure name="critical event to local action" value={latency.count ? `${fixed((latency.p99 ?? 0) / 1000, 2)} ms` : '–'} note={latency.count ? `p99 of ${latency.count}` : 'none so far'} />
			</dl>
			<div class="reasons-row">
				<Reasons title="Flagged readings, by reason" counts={totals.flagged} none="No reading was flagged." />
				<Reasons title="Refused messages, by reason" counts={totals.refused} none="No message was refused." />
			</div>
		</section>
	);
}

function LedgerLine() {
	const picture = node.value?.picture.value;
	if (!picture)
		return serving.value === 'gateway' ? <Nothing>This page comes from a gateway, which knows the shop floor but not the ledger. Open a node’s page for ledger, statements and lineage.</Nothing> : null;
	return (
		<section class="panel" aria-label="Ledger">
			<header class="panel-head"><h2><a href={address('ledger')}>Ledger</a></h2></header>
			<dl class="figures-row">
				<Figure name="readings anchored by all" value={count(picture.readings)} note={`${count(picture.anchors)} anchors`} />
				<Figure name="log" value={count(picture.log_size)} note="statements" />
				<Figure name="finality" value={picture.finality_ms.count ? `${fixed(picture.finality_ms.p50, 0)} ms` : '–'} note={picture.finality_ms.count ? `p99 ${fixed(picture.finality_ms.p99, 0)} ms` : ''} />
				<Figure name="members connected" value={`${picture.members.filter((m) => m.connected).length} of ${picture.members.length}`} attention={picture.members.some((m) => !m.connected)} />
			</dl>
		</section>
	);
}

export function Overview() {
	const groups = grouped(machines.value);
	const alarms = openAlarms.value.filter(({ it }) => isActive(it));
	return (
		<>
			<h1 class="hidden">Shop floor</h1>
			<Attention />
			{floors.value.length === 0 && serving.value === 'node' && <Nothing>This node knows no gateway, so there is no shop floor to show. The ledger is there: <a href={address('ledger')}>open it</a>.</Nothing>}
			{floors.value.map((floor) => <Problem key={floor.base} text={floor.problem.value && `Shop floor of ${floor.gateway}: ${floor.problem.value}`} />)}
			{groups.map((group) => (
				<section key={group.area} aria-label={group.area}>
					<h2 class="area">{group.area}</h2>
					<div class="tiles">
						{group.machines.map(({ floor, it }) => <Tile key={floor.base + it.device} machine={it} alarms={alarms.filter((a) => a.floor === floor && a.it.device === it.device).map((a) => a.it)} />)}
					</div>
				</section>
			))}
			{floors.value.map((floor) => <FloorTotals key={floor.base} floor={floor} />)}
			<LedgerLine />
		</>
	);
}
