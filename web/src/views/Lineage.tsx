// Where a statement comes from: a graph from what was asked, at the left, back to the organisations at the right.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { getJson, messageOf } from '../api/http';
import type { Statement, StatementList, Trace, TraceNode } from '../api/types';
import { concerning } from '../parts/concerning';
import { Graph } from '../parts/Graph';
import { Body } from '../parts/Body';
import { Nothing, Problem, Switch } from '../parts/bits';
import { moment, plural, readable, shortName, words } from '../format';
import { Search } from '../parts/Search';
import { Proof, ReadingProof } from '../parts/Proof';
import { serving } from '../state/app';
import { address, replaceQuery, route } from '../state/route';
import { Head, useStatement } from './StatementPage';

const depths = [{ id: '1', label: '1 step' }, { id: '2', label: '2' }, { id: '4', label: '4' }, { id: '0', label: 'all' }];

function useTrace(id: string, depth: string): [Trace | null, string] {
	const [trace, setTrace] = useState<Trace | null>(null), [problem, setProblem] = useState('');
	useEffect(() => {
		let current = true;
		setProblem('');
		if (id)
			getJson<Trace>('', `/api/v1/trace/${encodeURIComponent(id)}?depth=${depth}`).then((t) => current && setTrace(t), (error: unknown) => {
				if (current) {
					setTrace(null);
					setProblem(messageOf(error));
				}
			});
		return () => { current = false; };
	}, [id, depth]);
	return [trace, problem];
}

function Detail({ id, root }: { id: string; root: string }) {
	const [statement, problem] = useStatement(id);
	if (problem)
		return <Problem text={problem} />;
	if (!statement)
		return <Nothing>Loading {id.slice(0, 12)} …</Nothing>;
	return (
		<aside class="panel detail" aria-label="Chosen statement" aria-live="polite">
			<header class="panel-head"><h2>{words(statement.type)}</h2><span class="panel-side"><a href={address('statement', id)}>whole page</a>{id !== root && <a href={address('lineage', id)}>its own lineage</a>}</span></header>
			<p class="saying">{readable(statement.label)}</p>
			<div class="sides">
				<div>
					<ReadingProof statement={statement} />
					{statement.body && <Body body={statement.body} />}
				</div>
				<div>
					<Proof statement={statement} />
					<details><summary>Issuer, subject, parents</summary><Head statement={statement} /></details>
				</div>
			</div>
		</aside>
	);
}

function AsList({ trace, chosen, choose }: { trace: Trace; chosen: string; choose: (id: string) => void }) {
	return (
		<div class="scroll">
			<table class="list">
				<thead><tr><th>final</th><th>type</th><th>what it says</th><th>issuer</th><th>evidence</th></tr></thead>
				<tbody>
					{trace.nodes.map((n: TraceNode) => (
						<tr key={n.id} class={n.id === chosen ? 'chosen' : ''}>
							<td class="number-text">{moment(n.time)}</td><td>{words(n.type)}</td><td class="say"><button type="button" class="link" onClick={() => choose(n.id)}>{readable(n.label)}</button></td>
							<td title={n.iss}>{shortName(n.iss)}</td><td>{n.evidence ?? ''}</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

const worthAsking = ['disturbance', 'critical', 'service', 'command', 'result', 'model', 'event'];

function Newest() {
	const [list, setList] = useState<Statement[] | null>(null), [problem, setProblem] = useState('');
	useEffect(() => {
		const asked = worthAsking.map((type) => getJson<StatementList>('', `/api/v1/statements?type=${type}&order=desc&limit=8`));
		Promise.all(asked).then((answers) => {
			const all = answers.flatMap((answer) => answer.statements.filter((s): s is Statement => s !== null));
			setList(all.sort((a, b) => (b.index ?? 0) - (a.index ?? 0)).slice(0, 30));
		}, (error: unknown) => setProblem(messageOf(error)));
	}, []);
	return (
		<>
			<div class="title"><h1>Lineage</h1><span class="dim title-note">of what? choose one of the newest statements, follow a link from an alarm or a chart’s marker, or give an id</span><Search view="lineage" /></div>
			<Problem text={problem} />
			{list && (list.length === 0 ? <Nothing>Nothing but registrations and anchors is on the ledger yet; the <a href={address('ledger')}>ledger’s page</a> lists them.</Nothing> : (
				<div class="panel scroll">
					<table class="list statements">
						<thead><tr><th>final</th><th>type</th><th>what it says</th><th class="wide">issuer</th></tr></thead>
						<tbody>
							{list.map((s) => (
								<tr key={s.id}><td class="number-text">{moment(s.commit_ms)}</td><td>{words(s.type)}</td><td class="say"><a href={address('lineage', s.id)}>{readable(s.label)}</a></td><td class="wide" title={s.iss}>{shortName(s.iss)}</td></tr>
							))}
						</tbody>
					</table>
				</div>
			))}
		</>
	);
}

export function Lineage() {
	const { id, query } = route.value;
	const depth = depths.some((d) => d.id === query.get('depth')) ? (query.get('depth') as string) : '4';
	const form = query.get('form') === 'list' ? 'list' : 'graph', issuers = query.get('issuers') === 'yes';
	const [trace, problem] = useTrace(serving.value === 'node' ? id : '', depth);
	const [chosen, choose] = useState(id);
	useEffect(() => choose(id), [id]);
	if (serving.value === 'gateway')
		return <Nothing>A gateway has no ledger of its own. Open the lineage on the page of a node.</Nothing>;
	if (!id)
		return <Newest />;
	const set = (change: Record<string, string>): void => replaceQuery({ depth, form, issuers: issuers ? 'yes' : 'no', all: all ? 'yes' : 'no', ...change });
	const all = query.get('all') === 'yes';
	const drawn = useMemo(() => (trace && !all ? concerning(trace) : trace ? { trace, hidden: 0 } : null), [trace, all]);
	const root = trace?.nodes.find((n) => n.id === trace.root);
	return (
		<>
			<nav class="crumbs" aria-label="Where this is"><a href={address('ledger')}>Ledger</a> / lineage</nav>
			<div class="title"><h1 class="saying">{root ? readable(root.label) : `Lineage of ${id.slice(0, 12)}`}</h1></div>
			<Problem text={problem} />
			<div class="toolbar">
				<Switch label="Steps back" value={depth} options={depths} change={(d) => set({ depth: d })} />
				<Switch label="Form" value={form} options={[{ id: 'graph', label: 'graph' }, { id: 'list', label: 'list' }]} change={(f) => set({ form: f })} />
				{form === 'graph' && <label class="check"><input type="checkbox" checked={issuers} onChange={(e) => set({ issuers: e.currentTarget.checked ? 'yes' : 'no' })} /> draw who issued each</label>}
				<label class="check"><input type="checkbox" checked={all} onChange={(e) => set({ all: e.currentTarget.checked ? 'yes' : 'no' })} /> other machines of the same anchors{drawn?.hidden ? ` (${drawn.hidden})` : ''}</label>
				{drawn && trace && <span class="dim toolbar-note">{plural(drawn.trace.nodes.length, 'statement')}, {plural(drawn.trace.edges.length, 'link')}{trace.cut ? '; there is more: choose more steps, or follow one of these' : ''}</span>}
			</div>
			{drawn && (
				<div class="lineage">
					{form === 'graph' ? <Graph trace={drawn.trace} issuers={issuers} chosen={chosen} choose={choose} /> : <AsList trace={drawn.trace} chosen={chosen} choose={choose} />}
					<Detail id={chosen} root={id} />
				</div>
			)}
		</>
	);
}
