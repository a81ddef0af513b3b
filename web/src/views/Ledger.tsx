// The ledger: who keeps it, how far it is, and what was added last.
import { useEffect, useState } from 'preact/hooks';
import { getJson, messageOf } from '../api/http';
import type { NodePicture, Statement, StatementList } from '../api/types';
import { bytes, count, duration, fixed, moment, none, plural, readable, shortName, words } from '../format';
import { Anchors } from '../parts/Anchors';
import { Figure, Nothing, Problem, StatementLink } from '../parts/bits';
import { Connection, MemberName } from '../parts/Member';
import { Search } from '../parts/Search';
import { node, serving } from '../state/app';
import type { NodeState } from '../state/node';
import { address, replaceQuery, route } from '../state/route';

const ROWS = 25;

function Members({ picture }: { picture: NodePicture }) {
	return (
		<section class="panel" aria-label="Members">
			<header class="panel-head"><h2>Members</h2><a href="#/consortium">epoch {count(picture.epoch)}, keys and proposals</a><span class="panel-side dim">own round {count(picture.round)}, highest seen {count(picture.highest_round)}, decided {count(picture.decided_round)}</span></header>
			<div class="scroll">
				<table class="list">
					<thead><tr><th>organisation</th><th class="wide">role</th><th>connection</th><th class="number">round</th><th class="wide">behind</th><th class="wide">address</th></tr></thead>
					<tbody>
						{picture.members.map((m) => (
							<tr key={m.index}>
								<td><MemberName member={m} /></td><td class="wide">{m.role}</td>
								<td class="number-text"><Connection connected={m.connected} /></td><td class="number">{count(m.round)}</td>
								<td class={'wide ' + (picture.highest_round - m.round > 50 ? 'late' : 'dim')}>{picture.highest_round > m.round ? plural(picture.highest_round - m.round, 'round') : none}</td><td class="id wide">{m.address}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
		</section>
	);
}

function Figures({ picture }: { picture: NodePicture }) {
	// With one signature more than members may lie, at least one is honest.
	const enough = Math.floor((picture.members.length - 1) / 3) + 1, { finality_ms: finality } = picture;
	return (
		<dl class="figures-row" aria-label="Figures of the ledger">
			<Figure name="log" value={count(picture.log_size)} note={<>statements, root <span class="id" title={picture.log_root}>{picture.log_root.slice(0, 12)}</span></>} />
			<Figure name="checkpoint" value={count(picture.checkpoint.size)} note={`signed by ${picture.checkpoint.lines} of ${picture.members.length}, ${enough} are needed`} attention={picture.checkpoint.size > 0 && picture.checkpoint.lines < enough} />
			<Figure name="finality p50" value={finality.count ? `${fixed(finality.p50, 0)} ms` : none} note={`of ${count(finality.count)} submissions here`} />
			<Figure name="finality p99" value={finality.count ? `${fixed(finality.p99, 0)} ms` : none} />
			<Figure name="commits" value={count(picture.commits)} note={`${count(picture.skipped)} leaders skipped, ${plural(picture.leader_timeouts, 'time-out')}`} />
			<Figure name="equivocations" value={count(picture.equivocations)} attention={picture.equivocations > 0} />
			<Figure name="refused statements" value={count(picture.refused)} />
			<Figure name="readings anchored" value={count(picture.readings)} note={`in ${count(picture.anchors)} anchors`} />
			<Figure name="node" value={duration(picture.uptime_s)} note={`up; ${bytes(picture.resident_kb * 1024)} memory; ${plural(picture.pending, 'submission')} pending`} />
		</dl>
	);
}

function Types({ picture, chosen }: { picture: NodePicture; chosen: string }) {
	const entries = Object.entries(picture.by_type).filter(([, n]) => n > 0);
	const choose = (type: string): void => replaceQuery(type ? { type } : {});
	return (
		<div class="chips" role="group" aria-label="Statements by type">
			<button type="button" class="chip" aria-pressed={chosen === ''} onClick={() => choose('')}>all {count(entries.reduce((sum, [, n]) => sum + n, 0))}</button>
			{entries.map(([type, n]) => <button type="button" key={type} class="chip" aria-pressed={chosen === type} onClick={() => choose(type)}>{words(type)} {count(n)}</button>)}
		</div>
	);
}

function Statements({ state, type }: { state: NodeState; type: string }) {
	const [older, setOlder] = useState<Statement[]>([]), [problem, setProblem] = useState(''), [end, setEnd] = useState(false);
	const live = state.recent.value.filter((s) => !type || s.type === type);
	const shown = new Set(live.map((s) => s.id));
	const [most, setMost] = useState(ROWS);
	const list = [...live, ...older.filter((s) => !shown.has(s.id))].sort((a, b) => (b.index ?? 0) - (a.index ?? 0));
	const more = async (before: number | null): Promise<void> => {
		try {
			const query = new URLSearchParams({ order: 'desc', limit: '50' });
			if (type)
				query.set('type', type);
			if (before !== null)
				query.set('after', String(before));
			const answer = await getJson<StatementList>('', '/api/v1/statements?' + query.toString());
			setOlder((had) => [...had, ...answer.statements.filter((s): s is Statement => s !== null)]);
			setEnd(answer.next === null);
			setProblem('');
		} catch (error) {
			setProblem(messageOf(error));
		}
	};
	const showMore = (): void => {
		setMost(most + 2 * ROWS);
		if (!end && list.length < most + 2 * ROWS)
			void more(list[list.length - 1]?.index ?? null);
	};
	useEffect(() => {
		setOlder([]);
		void more(null);
	}, [type]);
	return (
		<>
			<Problem text={problem} />
			<div class="scroll">
				<table class="list statements">
					<thead><tr><th class="number wide">index</th><th>final</th><th>type</th><th>what it says</th><th class="wide">issuer</th><th class="wide">id</th></tr></thead>
					<tbody>
						{list.slice(0, most).map((s) => (
							<tr key={s.id}>
								<td class="number dim wide">{count(s.index)}</td><td class="number-text">{moment(s.commit_ms)}</td><td>{words(s.type)}</td>
								<td class="say"><a href={address('statement', s.id)}>{readable(s.label)}</a></td><td class="wide" title={s.iss}>{shortName(s.iss)}</td><td class="wide"><StatementLink id={s.id} /></td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
			{list.length === 0 && !problem && <Nothing>No such statement yet.</Nothing>}
			{(!end || list.length > most) && list.length > 0 && <p class="buttons"><button type="button" onClick={() => showMore()}>Show older ones</button></p>}
		</>
	);
}

export function Ledger() {
	const state = node.value, picture = state?.picture.value;
	if (!state || !picture)
		return <Nothing>{serving.value === 'gateway' ? 'A gateway has no ledger of its own. Open the page of a node.' : 'Waiting for the node …'}</Nothing>;
	const type = route.value.query.get('type') ?? '';
	return (
		<>
			<div class="title"><h1>Ledger</h1><span class="dim title-note">network <span class="id" title={picture.network}>{picture.network.slice(0, 16)}</span>, genesis <span class="id" title={picture.genesis}>{picture.genesis.slice(0, 16)}</span></span><Search view="statement" /></div>
			<Figures picture={picture} />
			<Members picture={picture} />
			<Anchors state={state} />
			<section class="panel" aria-label="Statements">
				<header class="panel-head"><h2>Statements</h2><span class="panel-side dim">newest first, live</span></header>
				<Problem text={state.problem.value} />
				<Types picture={picture} chosen={type} />
				<Statements key={type} state={state} type={type} />
			</section>
		</>
	);
}
