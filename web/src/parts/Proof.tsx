// How a statement can be checked without believing this page.
import { useState } from 'preact/hooks';
import { getBytes, getExactJson, messageOf } from '../api/http';
import type { Reading, Statement } from '../api/types';
import { download } from '../chart/export';
import { count, moment, shortName, withUnit, words } from '../format';
import { floors, node } from '../state/app';
import { Problem, StatementLink } from './bits';

// A link that saves a file, or tells why there is none yet.
function Save({ path, file, children, tell }: { path: string; file: string; children: string; tell: (problem: string) => void }) {
	const save = async (event: Event): Promise<void> => {
		event.preventDefault();
		try {
			download(file, await getBytes(path));
			tell('');
		} catch (error) {
			tell(messageOf(error));
		}
	};
	return <a class="button" href={path} download={file} onClick={(event) => void save(event)}>{children}</a>;
}

export function Proof({ statement }: { statement: Statement }) {
	const picture = node.value?.picture.value, [problem, tell] = useState('');
	const covered = picture && statement.index !== null && statement.index < picture.checkpoint.size;
	const path = encodeURIComponent(statement.id), file = statement.id.slice(0, 12) + '.bundle';
	return (
		<section class="proof" aria-label="Proof">
			<h3>Proof</h3>
			<p>
				Position {count(statement.index)} of the log, final {moment(statement.commit_ms)} in commit {count(statement.commit)}.{' '}
				{picture && (covered ? `The newest checkpoint covers it: ${count(picture.checkpoint.size)} statements, signed by ${picture.checkpoint.lines} of ${picture.members.length} members.` : 'No checkpoint covers it yet; the next one will within seconds.')}
			</p>
			<p class="buttons">
				<Save path={`/api/v1/export/${path}`} file={file} tell={tell}>Download bundle</Save>
				<Save path={`/api/v1/statements/${path}/raw`} file={statement.id.slice(0, 12) + '.cose'} tell={tell}>Signed bytes</Save>
			</p>
			<Problem text={problem} />
			<p>How to verify, offline and without this node: take the bundle and the consortium’s genesis, which you got from someone you trust, and run</p>
			<pre tabIndex={0}>tally verify --genesis genesis.cbor {file}</pre>
			{picture && <p class="dim">Its digest must be <span class="id breaking">{picture.genesis}</span>.</p>}
		</section>
	);
}

// The single reading that a disturbance names, with its way up to the anchor.
export function ReadingProof({ statement }: { statement: Statement }) {
	const [reading, setReading] = useState<Reading | null>(null), [problem, setProblem] = useState('');
	const { chunk, leaf } = (statement.body ?? {}) as { chunk?: string | null; leaf?: number };
	if (statement.type !== 'disturbance' || !chunk)
		return null;
	const show = async (): Promise<void> => {
		setProblem(floors.value.length ? '' : 'This node knows no gateway that keeps the reading.');
		for (const floor of floors.value) {
			try {
				setReading(await getExactJson<Reading>(floor.base, `/api/v1/floor/reading?chunk=${encodeURIComponent(chunk)}&leaf=${leaf ?? 0}`));
				setProblem('');
				return;
			} catch (error) {
				setProblem(messageOf(error));
			}
		}
	};
	return (
		<section class="proof" aria-label="Reading">
			<h3>The reading that showed it</h3>
			{!reading && <p class="buttons"><button type="button" onClick={() => void show()}>Show reading</button></p>}
			<Problem text={problem} />
			{reading && (
				<dl class="body">
					<div><dt>signal</dt><dd>{shortName(reading.device)}, {words(reading.signal)}, message {reading.seq}</dd></div>
					<div><dt>value</dt><dd><b>{withUnit(reading.value, reading.unit)}</b> <span class="dim">raw {withUnit(reading.raw, reading.raw_unit)}, {reading.status}{reading.reason !== 'none' ? `, flagged: ${words(reading.reason)}` : ''}</span></dd></div>
					<div><dt>time</dt><dd>{moment(reading.time_ms)} <span class="dim">received {reading.received_ms - reading.time_ms} ms later</span></dd></div>
					<div><dt>proof path</dt><dd>{reading.path.length} hashes, from leaf {count(reading.leaf_index)} of {count(reading.leaf_count)} to the root that the anchor signs</dd></div>
					<div><dt>chunk</dt><dd class="id breaking">{reading.chunk}</dd></div>
					<div><dt>anchor</dt><dd>{reading.anchor ? <StatementLink id={reading.anchor} /> : 'none'} {reading.anchored ? 'final' : 'not final yet'}</dd></div>
				</dl>
			)}
		</section>
	);
}
