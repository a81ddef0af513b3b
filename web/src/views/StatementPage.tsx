// One statement: head, body, what it refers to, proof.
import { useEffect, useState } from 'preact/hooks';
import { messageOf } from '../api/http';
import type { Statement } from '../api/types';
import { bytes, count, iso, moment, readable, words } from '../format';
import { Body } from '../parts/Body';
import { Nothing, Problem, StatementLink } from '../parts/bits';
import { Proof, ReadingProof } from '../parts/Proof';
import { node, serving } from '../state/app';
import { address, route } from '../state/route';

export function useStatement(id: string): [Statement | null, string] {
	const [found, setFound] = useState<Statement | null>(null), [problem, setProblem] = useState('');
	const state = node.value;
	useEffect(() => {
		let current = true;
		setFound(null);
		setProblem('');
		if (id && state)
			state.statement(id).then((s) => current && setFound(s), (error: unknown) => current && setProblem(messageOf(error)));
		return () => { current = false; };
	}, [id, state]);
	return [found, problem];
}

export function Head({ statement }: { statement: Statement }) {
	return (
		<dl class="body">
			<div><dt>id</dt><dd class="id breaking">{statement.id}</dd></div>
			<div><dt>issuer</dt><dd>{statement.iss} <span class="dim">number {count(statement.seq)}</span></dd></div>
			<div><dt>subject</dt><dd>{statement.sub}</dd></div>
			<div><dt>issued</dt><dd>{iso(statement.iat_s * 1000)}</dd></div>
			<div><dt>final</dt><dd>{statement.commit_ms === null ? 'not yet' : moment(statement.commit_ms)} <span class="dim">log position {count(statement.index)}, commit {count(statement.commit)}, {bytes(statement.size)}</span></dd></div>
			<div><dt>parents</dt><dd>{statement.parents.length ? statement.parents.map((p) => <><StatementLink key={p} id={p} />{' '}</>) : 'none'}</dd></div>
			<div><dt>issuer’s previous</dt><dd><StatementLink id={statement.prev} /></dd></div>
		</dl>
	);
}

export function StatementPage() {
	const id = route.value.id;
	const [statement, problem] = useStatement(id);
	if (serving.value === 'gateway')
		return <Nothing>A gateway has no ledger of its own. Open this statement on the page of a node.</Nothing>;
	if (problem)
		return <Problem text={problem} />;
	if (!statement)
		return <Nothing>Looking for {id.slice(0, 12)} …</Nothing>;
	return (
		<>
			<nav class="crumbs" aria-label="Where this is"><a href={address('ledger')}>Ledger</a> / <a href={address('ledger', '', { type: statement.type })}>{words(statement.type)}</a></nav>
			<div class="title"><h1 class="saying">{readable(statement.label)}</h1></div>
			<p class="buttons"><a class="button" href={address('lineage', statement.id)}>Lineage</a></p>
			<div class="two">
				<section class="panel" aria-label="Statement"><header class="panel-head"><h2>Statement</h2></header><Head statement={statement} /></section>
				<section class="panel" aria-label="What it says"><header class="panel-head"><h2>Body</h2></header>{statement.body ? <Body body={statement.body} /> : <Nothing>The body cannot be read.</Nothing>}</section>
			</div>
			<section class="panel"><ReadingProof statement={statement} /><Proof statement={statement} /></section>
		</>
	);
}
