// The newest anchors: how many readings of whom were put under the ledger, and what was wrong with them.
import { useEffect, useState } from 'preact/hooks';
import { getJson, messageOf } from '../api/http';
import type { Statement, StatementList } from '../api/types';
import { bytes, count, moment, shortName, words } from '../format';
import type { NodeState } from '../state/node';
import { Nothing, Problem, StatementLink } from './bits';

const SHOWN = 5;

interface AnchorBody { samples: number; size: number; evidence: string | null; ranges: { device: string; missing: number }[]; flagged: { reason: string; count: number }[]; refused: { reason: string; count: number }[] }

function reasons(list: { reason: string; count: number }[]): string {
	return list.map((r) => `${count(r.count)} ${words(r.reason)}`).join(', ') || 'none';
}

function Row({ statement }: { statement: Statement }) {
	const body = statement.body as unknown as AnchorBody | null;
	if (!body)
		return null;
	const missing = body.ranges.reduce((sum, r) => sum + r.missing, 0);
	return (
		<tr>
			<td class="number-text">{moment(statement.commit_ms)}</td><td class="number">{count(body.samples)}</td>
			<td title={body.ranges.map((r) => shortName(r.device)).join(', ')} class="number wide">{count(body.ranges.length)}</td><td class="wide">{body.evidence ?? 'not stated'}</td>
			<td>{reasons(body.flagged)}</td><td class="wide">{reasons(body.refused)}</td><td class={'number wide' + (missing ? ' late' : '')}>{count(missing)}</td><td class="number wide">{bytes(body.size)}</td>
			<td class="wide">{shortName(statement.iss)}</td><td><StatementLink id={statement.id} /></td>
		</tr>
	);
}

export function Anchors({ state }: { state: NodeState }) {
	const [list, setList] = useState<Statement[]>([]), [problem, setProblem] = useState('');
	const anchors = state.picture.value?.anchors ?? 0;
	useEffect(() => {
		let current = true;
		getJson<StatementList>('', `/api/v1/statements?type=anchor&order=desc&limit=${SHOWN}`).then((answer) => {
			if (current) {
				setList(answer.statements.filter((s): s is Statement => s !== null));
				setProblem('');
			}
		}, (error: unknown) => current && setProblem(messageOf(error)));
		return () => { current = false; };
	}, [anchors]);
	return (
		<section class="panel" aria-label="Newest anchors">
			<header class="panel-head"><h2>Newest anchors</h2><span class="panel-side dim">{count(anchors)} in all</span></header>
			<Problem text={problem} />
			{list.length === 0 ? <Nothing>No reading has been anchored yet.</Nothing> : (
				<div class="scroll">
					<table class="list">
						<thead><tr><th>final</th><th class="number">readings</th><th class="number wide">devices</th><th class="wide">evidence</th><th>flagged</th><th class="wide">refused messages</th><th class="number wide">missing messages</th><th class="number wide">chunk</th><th class="wide">gateway</th><th>id</th></tr></thead>
						<tbody>{list.map((s) => <Row key={s.id} statement={s} />)}</tbody>
					</table>
				</div>
			)}
		</section>
	);
}
