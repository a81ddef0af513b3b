// Who decides: the members of this epoch, what is proposed, and the epochs before.
import { useEffect, useState } from 'preact/hooks';
import { getJson, messageOf } from '../api/http';
import type { Consortium as Answer, ConsortiumMember, Epoch, NodePicture, Proposal } from '../api/types';
import { bytes, count, duration, moment, none, plural, shortName } from '../format';
import { Figure, Nothing, Problem, StatementLink } from '../parts/bits';
import { Connection, MemberName } from '../parts/Member';
import { node, now, serving } from '../state/app';
import { address } from '../state/route';

const ASK_MS = 5000;
const EPOCHS_SHOWN = 10;

// Asked anew when a statement about members became final or the epoch changed, and now and then for what comes without one.
function useConsortium(picture: NodePicture | null | undefined): { answer: Answer | null; problem: string } {
	const [answer, setAnswer] = useState<Answer | null>(null), [problem, setProblem] = useState('');
	const news = picture ? [picture.epoch, picture.by_type.member, picture.by_type.vote].join() : '';
	useEffect(() => {
		let current = true;
		const ask = (): void => {
			getJson<Answer>('', '/api/v1/members').then((told) => {
				if (current) {
					setAnswer(told);
					setProblem('');
				}
			}, (error: unknown) => current && setProblem(messageOf(error)));
		};
		const timer = setInterval(ask, ASK_MS);
		ask();
		return () => {
			current = false;
			clearInterval(timer);
		};
	}, [news]);
	return { answer, problem };
}

const names = (list: string[]): string => list.map(shortName).join(', ');

function Figures({ picture, answer }: { picture: NodePicture; answer: Answer }) {
	const up = picture.members.filter((m) => m.connected).length, size = picture.members.length, { tolerance } = picture;
	const since = answer.epochs.find((epoch) => epoch.number === answer.epoch);
	return (
		<dl class="figures-row" aria-label="Figures of the consortium">
			<Figure name="epoch" value={count(answer.epoch)} note={since ? `since ${moment(since.time_ms)}` : null} />
			<Figure name="age of the epoch" value={since ? duration((now.value - since.time_ms) / 1000) : none} note={`its blocks weigh ${bytes(picture.epoch_cost)}`} />
			<Figure name="members" value={count(size)} note={`${count(answer.quorum)} of them decide`} />
			<Figure name="connected" value={`${up} of ${size}`} note={tolerance.may_be_away ? `${tolerance.may_be_away} may be away` : 'nobody may be away'} attention={size - up > tolerance.may_be_away} />
			<Figure name="may lie" value={count(tolerance.may_lie)} note={tolerance.mode === 'byzantine' ? 'Byzantine fault tolerant' : tolerance.mode === 'single' ? 'a single member' : tolerance.mode === 'crash' ? 'crash-tolerant, not Byzantine fault tolerant' : 'fewer than four members bear no liar'} />
		</dl>
	);
}

// Shape, word and colour say the same. A node of before does not tell.
const standings = {
	leads: { word: '●\u00a0leads', why: 'it has a place among the leaders of each round' },
	late: { word: '▲\u00a0not now: late', why: 'it was in time less than half as often as the best; that is counted anew with every 64th commit' },
	lied: { word: '✕\u00a0no: it lied', why: 'two blocks of it for one place were committed; it does not lead again in this epoch' },
};

function Standing({ member }: { member: ConsortiumMember }) {
	const told = member.standing && standings[member.standing];
	return told ? <span class={member.standing === 'leads' ? '' : 'late'} title={told.why}>{told.word}</span> : <span class="dim">{none}</span>;
}

function Members({ picture, answer }: { picture: NodePicture; answer: Answer }) {
	return (
		<section class="panel" aria-label="Members of this epoch">
			<header class="panel-head"><h2>Members of this epoch</h2><span class="panel-side dim">highest round seen {count(picture.highest_round)}</span></header>
			<div class="scroll">
				<table class="list members">
					<thead><tr><th>organisation</th><th class="wide">role</th><th>connection</th><th>behind</th><th title="whose blocks become final first">leader</th><th class="wide">member since</th><th class="wide">address</th></tr></thead>
					<tbody>
						{answer.members.map((m) => {
							const live = picture.members.find((other) => other.iss === m.iss), behind = live ? picture.highest_round - live.round : 0;
							return (
								<tr key={m.iss}>
									<td><MemberName member={live ?? m} /></td><td class="wide">{m.role}</td><td class="number-text"><Connection connected={live ? live.connected : m.connected} /></td>
									<td class={'number-text ' + (behind > 50 ? 'late' : 'dim')}>{behind > 0 ? plural(behind, 'round') : none}</td><td><Standing member={m} /></td><td class="wide">{m.since_epoch ? `epoch ${count(m.since_epoch)}` : 'the genesis'}</td><td class="id wide">{m.address}</td>
								</tr>
							);
						})}
					</tbody>
				</table>
			</div>
		</section>
	);
}

// Two groups, to be read aloud.
const fingerprint = (key: string): string => `${key.slice(0, 8)} ${key.slice(8, 16)}`;

function Keys({ members }: { members: ConsortiumMember[] }) {
	const kinds = ['record', 'node', 'checkpoint', 'tls'] as const;
	return (
		<section class="panel" aria-label="Fingerprints of keys">
			<header class="panel-head"><h2>Fingerprints of keys</h2><span class="panel-side dim">first 16 digits; compare them by telephone</span></header>
			<div class="scroll">
				<table class="list">
					<thead><tr><th>organisation</th><th title="signs statements">record</th><th title="signs blocks">node</th><th title="signs checkpoints">checkpoint</th><th title="of its links">TLS</th></tr></thead>
					<tbody>{members.map((m) => <tr key={m.iss}><td title={m.iss}>{m.name}</td>{kinds.map((kind) => <td key={kind} class="id fingerprint" title={m.keys[kind]}>{fingerprint(m.keys[kind])}</td>)}</tr>)}</tbody>
				</table>
			</div>
		</section>
	);
}

const changes: Record<string, string> = { add: 'add', remove: 'remove', rotate: 'new keys of' };

function Votes({ proposal, yes }: { proposal: Proposal; yes: boolean }) {
	const who = proposal.votes.filter((vote) => vote.yes === yes).map((vote) => vote.iss);
	return <td>{who.length}{who.length ? <span class="dim">: {names(who)}</span> : null}</td>;
}

function Proposals({ proposals, quorum }: { proposals: Proposal[]; quorum: number }) {
	return (
		<section class="panel" aria-label="Open proposals">
			<header class="panel-head"><h2>Open proposals</h2><span class="panel-side dim">{count(quorum)} yes adopt one; all lapse when the epoch ends</span></header>
			{proposals.length === 0 ? <Nothing>No change of members is proposed.</Nothing> : (
				<div class="scroll">
					<table class="list">
						<thead><tr><th>change</th><th class="wide">proposed by</th><th>yes</th><th>no</th><th>still needed</th><th class="wide">id</th></tr></thead>
						<tbody>
							{proposals.map((p) => (
								<tr key={p.id}>
									<td><a href={address('statement', p.id)} title={p.organisation}>{changes[p.change] ?? p.change} <b>{shortName(p.organisation)}</b></a></td><td class="wide" title={p.proposer}>{shortName(p.proposer)}</td>
									<Votes proposal={p} yes /><Votes proposal={p} yes={false} /><td class="late">{count(p.needed - p.yes)} more</td><td class="wide"><StatementLink id={p.id} /></td>
								</tr>
							))}
						</tbody>
					</table>
				</div>
			)}
		</section>
	);
}

function changed(epoch: Epoch): string {
	if (epoch.number === 0)
		return 'founded';
	const parts = [epoch.joined.length ? `${names(epoch.joined)} joined` : '', epoch.left.length ? `${names(epoch.left)} left` : '', epoch.rotated.length ? `new keys of ${names(epoch.rotated)}` : ''];
	return parts.filter(Boolean).join('; ') || 'the same members, by weight';
}

function Epochs({ epochs }: { epochs: Epoch[] }) {
	const [most, setMost] = useState(EPOCHS_SHOWN);
	return (
		<section class="panel" aria-label="Epochs">
			<header class="panel-head"><h2>Epochs</h2><span class="panel-side dim">newest first; a quorum of the one before signs a record</span></header>
			<div class="scroll">
				<table class="list">
					<thead><tr><th class="number">epoch</th><th>since</th><th class="number wide">members</th><th>what changed</th><th class="number wide">from entry</th><th>record</th></tr></thead>
					<tbody>
						{epochs.slice(0, most).map((epoch) => (
							<tr key={epoch.number}>
								<td class="number">{count(epoch.number)}</td><td class="number-text">{moment(epoch.time_ms)}</td><td class="number wide">{count(epoch.members)}</td><td class="say">{changed(epoch)}</td>
								<td class="number wide">{count(epoch.log_size)}</td>
								<td class="number-text" title={`SHA-256 ${epoch.digest}`}>{epoch.number === 0 ? <span class="dim">genesis</span> : epoch.signed ? '✓ signed' : <span class="late">not signed yet</span>}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
			{epochs.length > most && <p class="buttons"><button type="button" onClick={() => setMost(most + 3 * EPOCHS_SHOWN)}>Show older ones</button></p>}
		</section>
	);
}

// What this node cannot do now, if anything.
function standing(picture: NodePicture): string {
	if (picture.epochs_ahead > picture.epoch)
		return `Another node says that it is in epoch ${count(picture.epochs_ahead)}: this node is catching up, and what is shown is that of its own epoch.`;
	return picture.member === null ? 'The organisation of this node is no member of this epoch: the node follows as far as the members let it, and proposes nothing.' : '';
}

export function Consortium() {
	const picture = node.value?.picture.value, { answer, problem } = useConsortium(picture);
	if (!picture)
		return <Nothing>{serving.value === 'gateway' ? 'A gateway has no ledger of its own. Open the page of a node.' : 'Waiting for the node …'}</Nothing>;
	const said = standing(picture);
	return (
		<>
			<p class="crumbs"><a href="#/ledger">Ledger</a></p>
			<div class="title"><h1>Consortium</h1><span class="dim title-note">genesis <span class="id" title={picture.genesis}>{picture.genesis.slice(0, 16)}</span></span></div>
			<Problem text={problem} />
			{said && <p class="notice">{said}</p>}
			{!answer ? (problem ? null : <Nothing>Asking the node …</Nothing>) : (
				<>
					<Figures picture={picture} answer={answer} />
					<Members picture={picture} answer={answer} />
					<Proposals proposals={answer.proposals} quorum={answer.quorum} />
					<Keys members={answer.members} />
					<Epochs epochs={answer.epochs} />
				</>
			)}
		</>
	);
}
